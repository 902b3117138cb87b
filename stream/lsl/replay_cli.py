"""memhacl-replay: play recorded people as live LSL streams."""

import logging
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import tyro
from rich.console import Console
from rich.live import Live
from rich.text import Text

from memhacl.stream.arguments import parse_arguments
from memhacl.stream.command import run_command, warn
from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.lsl.replay import Player, Position
from memhacl.stream.lsl.schedule import check_gap, check_speed
from memhacl.stream.lsl.selection import choose_modalities, parse_trials, select
from memhacl.stream.lsl.steady import Timing, steadied
from memhacl.stream.signals import MODALITIES, Recording
from memhacl.stream.trim import trimmed

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Replay:
    """Play a recorded (or simulated) person as live LSL streams.

    One stream for each modality (memhacl-EEG, memhacl-GSR, ...; type = modality, with channel labels and units)
    and one of markers (memhacl-markers, type Markers): memhacl:anchor where a piece starts, then
    memhacl:rest_start, memhacl:rest_end, memhacl:trial_start with person, stimulus, trial and ratings as JSON,
    and memhacl:trial_end. Every stream of an XDF file is played, under its own name and type. Ctrl-C ends it.
    """

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    """What to play: a data set's folder or one of its files, an XDF file or a folder of such, 'simulated', or a
    YAML file that describes data or simulated people."""

    timing: Timing = "recorded"
    """Time stamps as recorded, jitter and gaps included, or made regular between the gaps; where none were
    recorded, it is the same."""

    speed: Annotated[float, tyro.conf.arg(metavar="X")] = 1.0
    """Speed of play, above 0 and at most 1. Below 1 the streams declare rates lowered alike, so a model made for
    the recorded rates does not fit them."""

    loop: bool = False
    """Begin again at the end, until Ctrl-C."""

    person: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Whom to play, by the source's name; the first person where it is not given."""

    trials: Annotated[str | None, tyro.conf.arg(metavar="NUMBERS")] = None
    """Which trials to play, like 1-3,7 (counted from 1); all where it is not given."""

    modalities: Annotated[str | None, tyro.conf.arg(metavar="NAMES")] = None
    """Which signals to play, like EEG,GSR; where it is not given, all streams of an XDF file, else every modality
    that was recorded: EEG, GSR, Resp, Temp, ECG, BVP, EOG, EMG."""

    gap: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = None
    """Seconds of silence between separately recorded pieces, at least 1; as recorded where it is not given."""

    rest_within: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 0.0
    """Seconds at the beginning of each stimulus that stand for its rest, for a model that was trained so
    (trials.rest_within); 0: the rest before it."""

    wait: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 30.0
    """Seconds to wait for readers of the streams before playing; 0 starts at once."""


def main() -> int:
    """Run the command; return its exit code."""
    return run_command("memhacl-replay", lambda: replay(parse_arguments(Replay, None, "memhacl-replay")))


def replay(options: Replay) -> int:
    """Play what ``options`` say until it ends; return 0."""
    check_speed(options.speed)
    check_gap(options.gap)
    if not 0 <= options.wait < math.inf:
        raise ConfigError(f"--wait {options.wait:g}: expected seconds from 0 on; 0 starts at once")
    if not 0 <= options.rest_within < math.inf:
        raise ConfigError(f"--rest-within {options.rest_within:g}: expected seconds from 0 on")
    trials = None if options.trials is None else parse_trials(options.trials)
    wanted = None if options.modalities is None else _modalities(options.modalities)
    recording = trimmed(_open(options.source, options.person), options.rest_within)
    pieces = select(recording, choose_modalities(recording, wanted), trials)
    if options.timing == "regular":
        pieces = tuple(replace(piece, segment=steadied(piece.segment)) for piece in pieces)
    player = Player(recording, pieces, speed=options.speed, gap=options.gap)
    try:
        _wait(player, options.wait)
        _show(player.play(options.loop))
    finally:
        player.close()
    return 0


def _modalities(text: str) -> tuple[str, ...]:
    names = {name.casefold(): name for name in MODALITIES}
    wanted = [word.strip() for word in text.split(",")]
    for word in wanted:
        if word.casefold() not in names:
            raise ConfigError(
                f"--modalities {text}: expected names out of {', '.join(MODALITIES)}, found '{word}'"
            )
    return tuple(names[word.casefold()] for word in wanted)


def _open(where: str, person: str | None) -> Recording:
    from memhacl.stream.sources.registry import open_source  # here: --help need not load the readers of files

    source = open_source(where)
    chosen = source.people[0] if person is None else person
    if chosen not in source.people:
        raise DataError(f"{where}: expected --person out of {', '.join(source.people)}, found '{chosen}'")
    recording: Recording = source.open(chosen)
    warn(recording.notes)
    kind = "simulated person" if recording.simulated else "person"
    _log.info("%s: %s %s, %d trials", source.name, kind, chosen, sum(1 for _ in recording.trials()))
    return recording


def _wait(player: Player, seconds: float) -> None:
    if seconds == 0:
        return
    _log.info("streams are open; waiting up to %g s for readers", seconds)
    read = player.wait(seconds)
    _log.info("playing to readers of %s", ", ".join(sorted(read)) or "nothing yet")


def _show(positions: Iterator[Position]) -> None:
    console = Console(stderr=True)
    if not console.is_terminal:
        _log_trials(positions)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        for position in positions:
            live.update(Text(_line(position), no_wrap=True, overflow="ellipsis"))


def _log_trials(positions: Iterator[Position]) -> None:
    told: tuple[int, int | None] = (0, None)
    for position in positions:
        here = (position.round, position.number)
        if here != told and position.trial is not None:
            _log.info("%s", _line(position))
        told = here


def _line(position: Position) -> str:
    left = max(position.total - position.elapsed, 0)
    what = "between trials"
    if position.trial is not None:
        what = f"trial {position.number}, stimulus {position.trial.stimulus}"
    again = f", round {position.round}" if position.round > 1 else ""
    return f"{position.person}: {what}{again}, {int(left // 60)}:{int(left % 60):02d} left"


if __name__ == "__main__":
    sys.exit(main())
