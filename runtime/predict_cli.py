"""`memhacl-predict`: predictions for a recording, the same numbers as live."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from memhacl.stream.arguments import parse_arguments
from memhacl.stream.command import run_command, warn
from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording
from memhacl.stream.trim import trimmed

if TYPE_CHECKING:
    from memhacl.stream.sources.registry import Source

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arguments:
    """Predict a recording with the live engine, faster than real time, into a CSV file.

    One row a window: person, stimulus, window number, start and end in seconds on the recording's clock, whether
    it is valid, what is wrong with it, which modalities it was predicted without, and the probability of each
    label of each task.
    """

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """A data set's folder or one of its files, an XDF file or a folder of such, `simulated`, or a YAML file that
    describes data or simulated people."""

    out: Annotated[Path, tyro.conf.arg(metavar="CSV")]
    """The file to write."""

    model: Annotated[Path | None, tyro.conf.arg(metavar="MODEL.onnx")] = None
    """The model; without it, the small one that ships with memhacl (trained on simulated people)."""

    person: tuple[str, ...] = ()
    """Only these people of the source; without it, all."""


def main(args: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command("memhacl-predict", lambda: _predict(parse_arguments(Arguments, args, "memhacl-predict")))


def _predict(given: Arguments) -> None:
    # here: they take seconds, in which Ctrl-C must not end in a traceback
    from memhacl.runtime.predict import write_csv
    from memhacl.runtime.session import Model, default_model_path
    from memhacl.stream.sources.registry import open_source

    model = Model.load(given.model or default_model_path())
    source = open_source(given.source)
    started = time.monotonic()
    count = write_csv(model, _recordings(source, given.person, model.card.training.rest_within), given.out)
    kind = "SIMULATED people" if model.card.training.simulated else model.card.training.source
    _log.info(
        "%s: %d windows in %.1f s; model %s, trained on %s",
        given.out, count, time.monotonic() - started, model.card.name, kind,
    )  # fmt: skip


def _recordings(source: "Source", wanted: tuple[str, ...], rest_within: float) -> Iterator[Recording]:
    if missing := sorted(set(wanted) - set(source.people)):
        raise DataError(
            f"{source.name}: expected people among {', '.join(source.people)}, found --person {missing[0]}"
        )
    if not wanted:
        warn(source.notes)
    for person in wanted or source.people:
        recording = source.open(person)
        warn(recording.notes)
        yield trimmed(recording, rest_within)
