"""Plays a recording as live LSL streams, paced on LSL's clock and never ahead of it."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.schedule import GAP, MarkerPush, TextPush, check_gap, check_speed, duration, layout, pushes
from memhacl.stream.lsl.selection import Piece
from memhacl.stream.lsl.stage import Stage
from memhacl.stream.signals import Recording, Trial

SETTLE = 0.5  # s between the last consumer's coming and the first sample
QUIET = 3.0  # s without another consumer after which those that came are all
LINGER = 1.0  # s for which finished outlets stay, so that the last samples get through


@dataclass(frozen=True)
class Position:
    """Where a replay is: the trial that runs (None between trials) with its number, and seconds."""

    person: str
    number: int | None
    trial: Trial | None
    elapsed: float
    total: float
    round: int


class Player:
    """Outlets for the pieces of a recording, and the playing of them.

    Recorded streams keep their own names and types; other signals are named memhacl-<modality>. Markers go out
    as memhacl-markers or, where a stream of marker texts was recorded, the first such. ``speed`` in (0, 1]
    stretches time: the streams then honestly declare rate x speed. ``gap`` (s) replaces the recorded gaps between
    pieces.

    Raises
    ------
    ConfigError
        ``speed`` or ``gap`` is out of range.
    DataError
        A stream changes its channels or its rate between two pieces.
    """

    def __init__(
        self, recording: Recording, pieces: Sequence[Piece], *, speed: float = 1.0, gap: float | None = None
    ) -> None:
        self.person = recording.person
        self.pieces = tuple(pieces)
        self.speed = check_speed(speed)
        self.gap = check_gap(gap)
        self._stop = threading.Event()
        self._stage = Stage(recording, self.pieces, self.speed)

    def stop(self) -> None:
        """End waiting and playing at once (from another thread)."""
        self._stop.set()

    def close(self) -> None:
        """Take the outlets off the network."""
        self.stop()
        self._stage.close()

    def consumed(self) -> set[str]:
        """Return what somebody reads: modalities, or names of recorded streams, and 'markers'."""
        return self._stage.consumed()

    def wait(self, seconds: float) -> set[str]:
        """Wait up to ``seconds`` s for readers of every outlet, then for them to settle; return who is read.

        Not every consumer reads all: where some came and no other for a while, it goes on with those.
        """
        every = self._stage.names
        deadline, since, seen = local_clock() + seconds, local_clock(), self.consumed()
        while seen != every and local_clock() < deadline and not self._stop.is_set():
            if seen and local_clock() - since > QUIET:
                break
            self._stop.wait(0.05)
            now = self.consumed()
            if now != seen:
                seen, since = now, local_clock()
        if seen:
            self._stop.wait(SETTLE)
        return seen

    def play(self, loop: bool = False) -> Iterator[Position]:
        """Play everything (for ever with ``loop``), yielding the position after each thing sent."""
        starts = layout(self.pieces, self.speed, self.gap)
        total = starts[-1] + duration(self.pieces[-1], self.speed)
        base, number = local_clock(), 1
        while not self._stop.is_set():
            yield from self._play_round(starts, base, total, number)
            if not loop:
                break
            base, number = base + total + (GAP if self.gap is None else self.gap), number + 1
        self._stop.wait(LINGER)

    def _play_round(self, starts: Sequence[float], base: float, total: float, number: int) -> Iterator[Position]:
        position = Position(self.person, None, None, 0.0, total, number)
        for piece, start in zip(self.pieces, starts, strict=True):
            for push in pushes(piece, start, self.speed, self.person):
                # deadlines on one clock from one base: lateness of one push is not carried to the next
                if self._stop.wait(max(base + push.due - local_clock(), 0)):
                    return
                self._stage.send(push, base)
                if isinstance(push, MarkerPush) or (isinstance(push, TextPush) and push.trial is not None):
                    position = replace(position, number=push.number, trial=push.trial)
                yield replace(position, elapsed=push.due)
