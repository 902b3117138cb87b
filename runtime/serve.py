"""What `memhacl-serve` does: its options, and from them the session, the engines and the server."""

import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from memhacl.runtime.check import uses
from memhacl.runtime.check_view import lines
from memhacl.runtime.engine import Engine
from memhacl.runtime.lsl_out import LslOut
from memhacl.runtime.participants import Session, alone
from memhacl.runtime.publish import Publisher
from memhacl.runtime.server import Server
from memhacl.runtime.session import Model, default_model_path
from memhacl.runtime.session_file import read_session
from memhacl.runtime.streams import Streams
from memhacl.stream.arguments import parse_arguments
from memhacl.stream.errors import ConfigError
from memhacl.stream.lsl.survey import survey
from memhacl.stream.path.path import Anchor

_log = logging.getLogger(__name__)

DEFAULT_NAME = "p1"
CHECK = 2.0  # s over which --check measures rates
BACKLOG = 32  # windows complete at once, beyond which the oldest are shed


@dataclass(frozen=True)
class Arguments:
    """Predict live: read EEG, GSR, Resp and Temp streams of LSL, publish what the model says of each window.

    The model file says which streams, channels, units and rates it needs. Streams may come and go: windows that
    cannot be trusted are published as invalid, with the reason, and predictions return by themselves. Watch with
    `memhacl-listen`; end with Ctrl-C.
    """

    lsl: bool = False
    """Read from Lab Streaming Layer (the one kind of input there is)."""

    model: Annotated[Path | None, tyro.conf.arg(metavar="MODEL.onnx")] = None
    """The model; without it, the small one that ships with memhacl (trained on simulated people)."""

    publish: Annotated[str, tyro.conf.arg(metavar="ENDPOINT")] = "tcp://127.0.0.1:5571"
    """ZeroMQ endpoint to publish on. Messages are neither encrypted nor signed: stay on loopback."""

    format: Literal["json", "msgpack"] = "json"
    """How messages are encoded."""

    participant: str | None = None
    """Name of the person, part of the topics; without it, p1."""

    session: Annotated[Path | None, tyro.conf.arg(metavar="FILE.yaml")] = None
    """Who takes part and which streams are whose, for several people or to choose streams (docs/session.md)."""

    check: bool = False
    """List what streams are visible, what would be used for what and what is missing; exit code 2 if any is."""

    patience: float = 0.5
    """Seconds to wait for a late stream after the last sample a window needs; then its modality is missing."""

    anchor: Anchor = "first"
    """Where windows start: at `memhacl:anchor` markers only; at the first sample, and again at each such marker;
    or at whole multiples of the hop on the LSL clock."""

    rest: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = None
    """The first seconds after each anchor are the rest period, where no markers say when it is."""

    no_lsl_out: bool = False
    """Do not send the predictions as an LSL stream too (memhacl-predictions-PARTICIPANT, type Emotion)."""

    stream: Annotated[tuple[str, ...], tyro.conf.arg(metavar="MODALITY=NAME")] = ()
    """Choose among several streams of one type by name, such as EEG=actiCHamp."""


def serve(args: list[str] | None, started: float) -> int:
    """Run the command with ``args`` (None: the process's), begun at ``started`` (monotonic s); return its code."""
    given = parse_arguments(Arguments, args, "memhacl-serve")
    names = _checked(given)
    model = Model.load(given.model or default_model_path())
    if given.session is not None:
        session = read_session(given.session, model.card.spec)
    else:
        modalities = [modality.modality for modality in model.card.spec.modalities]
        session = alone(given.participant or DEFAULT_NAME, modalities, names)
    if given.check:
        return _check(given, model, session)
    publisher = Publisher(given.publish, given.format)
    try:
        engines = [_engine(given, model, participant.name) for participant in session.participants]
        streams = Streams(session, engines, model.card.spec, _needs_markers(given, model))
        outlets = {} if given.no_lsl_out else {e.participant: LslOut(model.card, e.participant) for e in engines}
        _introduce(model, given, session, time.monotonic() - started)
        Server(streams, publisher, outlets).run(stop_on_signals())
        _log.info("ended; %s", {engine.participant: dict(engine.counters) for engine in engines})
    finally:
        publisher.close()
    return 0


def _engine(given: Arguments, model: Model, participant: str) -> Engine:
    return Engine(
        model,
        participant,
        patience=given.patience,
        anchor=given.anchor,
        rest=given.rest,
        arrivals=True,
        backlog=BACKLOG,
        timer=time.perf_counter,
    )


def _check(given: Arguments, model: Model, session: Session) -> int:
    """Print what the server would read; return the exit code, 2 where something does not fit."""
    seen = survey(CHECK)
    found = uses(session, model, seen, _needs_markers(given, model))
    console = Console(highlight=False)
    for line in lines(model.card, seen, found):
        console.print(line, soft_wrap=True)
    return 2 if any(use.problem for use in found) else 0


def _needs_markers(given: Arguments, model: Model) -> bool:
    """Whether windows, or what they are compared with, wait for a marker."""
    rests = any("rest" in (m.baseline, m.adapt) for m in model.card.spec.modalities)
    return given.anchor == "marker" or (rests and given.rest is None)


def _checked(given: Arguments) -> dict[str, str]:
    """Return the names that ``--stream`` gives; ConfigError where arguments are wrong or at odds."""
    if not (given.lsl or given.check or given.session):
        raise ConfigError("expected an input to read from, found none; give --lsl")
    for option in ("participant", "stream"):
        if given.session is not None and getattr(given, option):
            raise ConfigError(f"--{option}: expected none beside --session, which says it; leave one of them out")
    if not 0 < given.patience <= 60:
        raise ConfigError(f"--patience: expected above 0 and at most 60 seconds, found {given.patience:g}")
    if given.rest is not None and not 0 < given.rest <= 3600:
        raise ConfigError(f"--rest: expected above 0 and at most 3600 seconds, found {given.rest:g}")
    wrong = [text for text in given.stream if "=" not in text]
    if wrong:
        raise ConfigError(f"--stream: expected MODALITY=NAME such as EEG=actiCHamp, found '{wrong[0]}'")
    return dict(text.split("=", 1) for text in given.stream)


def _introduce(model: Model, given: Arguments, session: Session, seconds: float) -> None:
    card = model.card
    montage = ", ".join(f"{m.modality} {len(m.channels)} ch" for m in card.spec.modalities)
    _log.info("ready after %.1f s; model %s (%s) on %s", seconds, card.name, model.sha256[:12], model.providers[0])
    _log.info(
        "wants %s at %g Hz; publishes %s on %s", montage, card.spec.rate, ", ".join(card.tasks), given.publish
    )
    if card.absent_ok:
        _log.info("where one of %s is bad, predicts from the others", ", ".join(card.absent_ok))
    _log.info("participants: %s", ", ".join(participant.name for participant in session.participants))
    if card.training.simulated:
        _log.warning("this model was trained on SIMULATED people: its predictions say nothing about emotion")


def stop_on_signals() -> Callable[[], bool]:
    """Return what tells whether Ctrl-C or SIGTERM has come.

    A handler runs in the midst of whatever the main thread does. An Event's lock may be held just then, by the
    very thread that would have to give it up: so a list, which needs none.
    """
    came: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: came.append(number))
    return lambda: bool(came)
