"""Received messages as lines: JSON as it came, or one line a window for people."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from rich.text import Text

from memhacl.runtime.listen import Arrival
from memhacl.runtime.messages import PredictionMessage, QualityMessage, StatusMessage, plain, read_message
from memhacl.stream.signals import MARKERS

_CELLS = 10  # of a probability's bar
_USELESS = ("ambiguous", "unusable", "unreachable")  # states of a stream that is there and cannot be read


class View(Protocol):
    """Turns arrivals into lines."""

    def take(self, arrival: Arrival) -> Iterator[Text]:
        """Yield the lines that ``arrival`` completes."""

    def flush(self) -> Iterator[Text]:
        """Yield what was kept back for more to come."""


class JsonLines:
    """Each message as one line of JSON, whichever format it came in."""

    def take(self, arrival: Arrival) -> Iterator[Text]:
        """Yield the message as one line."""
        yield Text(json.dumps(plain(arrival.content), ensure_ascii=False))

    def flush(self) -> Iterator[Text]:
        """Yield nothing: no line waits for another message."""
        yield from ()


class HumanLines:
    """One line for each window, with all its tasks; one for each change of the server's state."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, PredictionMessage]] = {}  # participant -> task -> message of one window
        self._tasks: dict[str, set[str]] = {}
        self._status: tuple[object, ...] = ()
        self._width = 0  # of the longest name of a participant so far: columns stand below each other

    def take(self, arrival: Arrival) -> Iterator[Text]:
        """Yield the lines that ``arrival`` completes; a window waits until its last task has come."""
        message = read_message(arrival.content)
        if isinstance(message, StatusMessage):
            yield from self._take_status(message)
        elif isinstance(message, QualityMessage):
            yield _quality_line(message, self._named(message))
        else:
            yield from self._take_prediction(message)

    def flush(self) -> Iterator[Text]:
        """Yield the windows that still wait for a task."""
        for participant in list(self._open):
            yield from self._close(participant)

    def _take_prediction(self, message: PredictionMessage) -> Iterator[Text]:
        person = message.participant
        if any(other.seq != message.seq for other in self._open.get(person, {}).values()):
            yield from self._close(person)
        self._open.setdefault(person, {})[message.task] = message
        if set(self._open[person]) == self._tasks.get(person):
            yield from self._close(person)

    def _close(self, participant: str) -> Iterator[Text]:
        window = self._open.pop(participant)
        self._tasks[participant] = set(window)
        messages = list(window.values())
        yield _window_line(messages, self._named(messages[0]))

    def _named(self, message: PredictionMessage | QualityMessage) -> str:
        self._width = max(self._width, len(message.participant))
        return f"{message.participant:<{self._width}} #{message.index:<5d}"

    def _take_status(self, message: StatusMessage) -> Iterator[Text]:
        self._width = max(self._width, *map(len, message.participants))
        waiting = _not_flowing(message)
        content = (message.state, message.model, message.warnings, message.assumed, list(waiting))
        if content == self._status:
            return
        self._status = content
        model = f"{message.model.name} ({message.model.sha256[:12]}{', simulated' * message.model.simulated})"
        yield Text(f"{_clock(message.t_wall, message.t_lsl)}  server {message.state}, model {model}", "bold")
        for name, detail in waiting.items():
            yield Text(f"          {name}: {detail}", "yellow" if message.state == "degraded" else "dim")
        for text in message.warnings:
            yield Text(f"          warning: {text}", "yellow")
        for text in message.assumed:
            yield Text(f"          assumed: {text}", "dim")


def _not_flowing(message: StatusMessage) -> dict[str, str]:
    """Return which streams do not flow, as '<participant> <modality> <state>', and what is said of each.

    Markers come when something happens, or are not there at all: of them only what is of no use is told, always.
    """
    concerned = message.state in ("waiting", "degraded")
    return {
        f"{participant} {modality} {seen.get('state')}": str(seen.get("detail"))
        for participant, streams in message.streams.items()
        for modality, seen in streams.items()
        if (
            seen.get("state") in _USELESS
            if modality == MARKERS
            else concerned and seen.get("state") != "streaming"
        )
    }


def _window_line(messages: list[PredictionMessage], named: str) -> Text:
    first = messages[0]
    line = Text(f"{_clock(first.t_wall, first.t_lsl)}  {named}")
    if not first.valid:
        line.append(f"  no prediction: {', '.join(first.reasons)}", "yellow")
    for message in messages:
        if message.probabilities is not None and message.label is not None:
            chance = message.probabilities[message.label]
            line.append(f"  {message.task} ").append(f"{message.label:<4} {_bar(chance)}", "green")
            line.append(f" {chance:.2f}")
    if first.absent:
        line.append(f"  without {', '.join(first.absent)}", "yellow")
    for marker in first.markers:
        line.append(f"  [{marker.text}]", "cyan")
    if first.model.simulated:
        line.append("  simulated", "magenta")
    return line


def _quality_line(message: QualityMessage, named: str) -> Text:
    line = Text(f"{_clock(message.t_wall, message.t_lsl)}  {named}  quality")
    for modality, measures in message.quality.items():
        shown = " ".join(f"{name} {'?' if value is None else f'{value:.3g}'}" for name, value in measures.items())
        line.append(f"  {modality}: ", "bold").append(shown)
    return line.append(f"  {', '.join(message.reasons)}" if message.reasons else "", "yellow")


def _bar(chance: float) -> str:
    full = round(chance * _CELLS)
    return "█" * full + "░" * (_CELLS - full)


def _clock(t_wall: float | None, t_lsl: float) -> str:
    """Return the local time of day; the LSL clock's seconds where the time of day is unknown."""
    if t_wall is None:
        return f"{t_lsl:8.1f}"
    return datetime.fromtimestamp(t_wall).astimezone().strftime("%H:%M:%S")
