"""One participant of a session: an engine, the readers of its streams, and what is wrong with them."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from memhacl.runtime.engine import Engine
from memhacl.runtime.messages import Message
from memhacl.runtime.participants import Participant, SignalChoice
from memhacl.runtime.report import bounded
from memhacl.stream.errors import StreamError
from memhacl.stream.labels import key
from memhacl.stream.lsl.describe import Described
from memhacl.stream.lsl.finding import Wanted
from memhacl.stream.lsl.inlet import MarkerReader, Reader
from memhacl.stream.lsl.mailbox import Chunk, Mailbox, MarkerEvent
from memhacl.stream.lsl.state import Snapshot
from memhacl.stream.signals import MARKERS, Marker, StreamFormat

GLANCE = 0.02  # s between looks at whether a window is overdue while nothing comes
IDLE = 1.0  # s after which even an engine that awaits a far window is asked: what no window takes must not pile up
AHEAD = 1.0  # s that a marker's stamp may lie after its arrival; clocks on LSL agree to milliseconds
BEHIND = 60.0  # s that it may lie before; a program may send what happened some time ago, but not days


class Seat:
    """Reads the streams of ``participant`` into ``engine``; what comes is delivered through ``mailbox``.

    ``wishes`` says for each modality, and ``Markers`` where they are the participant's own, which stream it is.
    ``due`` is the LSL time (s) before which no window can be complete, None before the anchor; ``problems`` has a
    sentence for each stream that cannot be used.
    """

    def __init__(
        self, participant: Participant, engine: Engine, mailbox: Mailbox, wishes: Mapping[str, Wanted]
    ) -> None:
        self.name, self.engine = participant.name, engine
        self.due: float | None = None
        self._fresh, self._looked = False, 0.0
        self.problems: dict[str, str] = {}
        self._choices = participant.streams
        self._fitting: set[str] = set()
        self._unstated: dict[str, tuple[str, ...]] = {}
        self._misplaced = False  # whether the marker stream stamps with another clock
        self.readers = {
            modality: Reader(
                f"{self.name}/{modality}",
                wishes[modality],
                mailbox,
                quiet_until=lambda: self.due or 0.0,
            )
            for modality in participant.streams
        }
        self.markers: MarkerReader | None = None
        if MARKERS in wishes:
            self.markers = MarkerReader(f"{self.name}/{MARKERS}", wishes[MARKERS], mailbox)

    def open(self, modality: str, described: Described) -> None:
        """Take ``modality`` from a stream that was just connected to.

        Raises
        ------
        StreamError
            The stream does not fit the model, or lacks a channel that the session file names.
        """
        self._fitting.discard(modality)
        self.problems.pop(modality, None)
        if modality == MARKERS:
            self._misplaced = False
            return
        found = as_chosen(described.format, modality, self._choices[modality])
        self.engine.open(found)
        self._unstated[modality] = unstated(described, modality)
        self._fitting.add(modality)

    def push(self, modality: str, chunk: Chunk) -> None:
        """Take samples; those of a stream that does not fit are left."""
        if modality in self._fitting:
            self.engine.push(modality, chunk.samples, chunk.stamps, chunk.arrived)
            self._fresh = True

    def mark(self, event: MarkerEvent) -> None:
        """Take a marker, at its arrival where its stamp cannot be LSL time: an anchor in Unix time never comes."""
        time = event.time
        if not -BEHIND <= time - event.arrived <= AHEAD:
            time, self._misplaced = event.arrived, True
        self.engine.mark(Marker(time, event.text))

    def advance(self, now: float) -> list[Message]:
        """Messages of the windows that are complete, or overdue, at ``now`` (s); where none can be, at no cost."""
        waited = now - self._looked
        if waited < IDLE and (now < (self.due or 0.0) or (waited < GLANCE and not self._fresh)):
            return []
        self._fresh, self._looked = False, now
        messages, left_out = bounded(self.engine.advance(now))
        if left_out:
            self.engine.counters["markers_left_out"] += left_out
        self.due = self.engine.due
        return messages

    @property
    def assumed(self) -> list[str]:
        """What had to be assumed about the streams, in sentences."""
        foreign = ["markers: stamps are not on the LSL clock; placed by arrival"] if self._misplaced else []
        return [*(text for texts in self._unstated.values() for text in texts), *self.engine.assumed, *foreign]

    def describe(self) -> dict[str, dict[str, Any]]:
        """What the status says of each stream, the participant's own markers among them."""
        health = self.engine.health
        told = {
            name: describe(reader.snapshot(), self.problems.get(name), health[name])
            for name, reader in self.readers.items()
        }
        if self.markers is not None:
            told[MARKERS] = describe(self.markers.snapshot(), self.problems.get(MARKERS), {})
        return told


def as_chosen(found: StreamFormat, modality: str, choice: SignalChoice) -> StreamFormat:
    """Return ``found`` as a stream of ``modality``, with the model's names for the channels that ``choice`` maps.

    Another channel that bears such a name already is called 'NAME (not chosen)'.

    Raises
    ------
    StreamError
        The stream has no channel of a given label.
    """
    if not choice.channels:
        return replace(found, modality=modality)
    if missing := [label for label in choice.channels.values() if label not in found.channels]:
        near = get_close_matches(missing[0], found.channels, n=1)
        raise StreamError(
            f"stream '{found.name}': expected a channel '{missing[0]}' for {modality}, found "
            f"{', '.join(found.channels[:40])}; "
            + (f"did you mean '{near[0]}'?" if near else "correct 'channels' in the session file")
        )
    given = {label: channel for channel, label in choice.channels.items()}
    taken = {key(channel, modality) for channel in choice.channels}
    channels = tuple(
        given.get(label, f"{label} (not chosen)" if key(label, modality) in taken else label)
        for label in found.channels
    )
    kinds = tuple(
        modality if label in given else kind for label, kind in zip(found.channels, found.kinds, strict=False)
    )
    return replace(found, modality=modality, channels=channels, kinds=kinds)


def unstated(described: Described, modality: str) -> tuple[str, ...]:
    """Say in sentences what a stream does not state of itself, so that it was made up."""
    name = described.format.name
    return tuple(f"{modality}: stream '{name}' states no {word}; they are made up" for word in described.assumed)


def describe(seen: Snapshot, problem: str | None, health: Mapping[str, float]) -> dict[str, Any]:
    """What the status says of one stream: how its reader does, then how its samples did on the signal path.

    A stream that flows but cannot be used, because of ``problem``, is `unusable`.
    """
    found = seen.described.format if seen.described else None
    flowing = seen.state in ("connected", "streaming")
    return {
        "state": "unusable" if problem and flowing else seen.state,
        "detail": problem or seen.detail,
        "name": found.name if found else None,
        "unit": found.unit if found else None,
        "nominal_rate": found.rate if found else None,
        "rate": seen.rate,
        "samples": seen.samples,
        "last_stamp": seen.last_stamp,
        "clock_offset": seen.offset,
        "absurd_clock": seen.absurd_clock,
        "restarts": seen.restarts,
        "dropped": seen.dropped,
        **health,
    }
