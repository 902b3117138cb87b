"""The LSL streams of a session, read into its participants' engines through one mailbox."""

import logging
from collections.abc import Sequence
from typing import Any

from memhacl.runtime.engine import Engine
from memhacl.runtime.participants import Session
from memhacl.runtime.seat import Seat, describe
from memhacl.runtime.wishes import wishes
from memhacl.stream.errors import StreamError
from memhacl.stream.lsl.inlet import MarkerReader, Reader, local_clock, stop_all
from memhacl.stream.lsl.mailbox import Chunk, Event, Mailbox, MarkerEvent, Opened, StateChange
from memhacl.stream.signals import MARKERS
from memhacl.stream.spec import SignalSpec

_log = logging.getLogger(__name__)

_EVENTS = 1024  # that may wait of each stream: what it brings while the loop is held up for half a minute
_TROUBLE = ("ambiguous", "unusable")  # states of a reader that do not mend themselves
_ANEW = ("searching", "connecting", "lost")  # states in which what was wrong before is so no more


class Streams:
    """Readers for everybody in ``session``, whose engines, of a model of ``spec``, are ``engines`` by name.

    A stream that does not fit the model, or of which there are several, is an error while the server starts
    (``grace`` seconds); later it is said in the status, and the session goes on without it. That there are several
    marker streams degrades it only where ``markers_needed``, or where the session chooses one.
    """

    def __init__(
        self,
        session: Session,
        engines: Sequence[Engine],
        spec: SignalSpec,
        markers_needed: bool = False,
        grace: float = 5.0,
    ) -> None:
        by_name = {engine.participant: engine for engine in engines}
        wanted = wishes(session, spec)
        self.mailbox = Mailbox(_EVENTS * len(wanted))
        self.seats = tuple(
            Seat(
                person,
                by_name[person.name],
                self.mailbox,
                {modality: wish for (name, modality), wish in wanted.items() if name == person.name},
            )
            for person in session.participants
        )
        self._by_name = {seat.name: seat for seat in self.seats}
        self._grace, self._until = grace, 0.0
        self._marker_problem: str | None = None
        chosen = session.shared_markers
        self._minds = markers_needed or (chosen is not None and chosen.selective)
        self.markers: MarkerReader | None = None
        if (shared := wanted.get((None, MARKERS))) is not None:
            self.markers = MarkerReader(MARKERS, shared, self.mailbox)

    @property
    def _readers(self) -> list[Reader | MarkerReader]:
        readers: list[Reader | MarkerReader] = [r for seat in self.seats for r in seat.readers.values()]
        own = [seat.markers for seat in self.seats]
        return readers + [reader for reader in (*own, self.markers) if reader is not None]

    def start(self) -> None:
        """Begin to look for the streams."""
        self._until = local_clock() + self._grace
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        """End all readers, within about a second."""
        stop_all(self._readers)

    def pump(self, timeout: float) -> None:
        """Give the engines what has come; wait up to ``timeout`` seconds for the first of it.

        Raises
        ------
        StreamError
            While the server starts: a stream does not fit, or several carry one modality.
        """
        for event in self.mailbox.drain(timeout):
            name, _, what = event.stream.rpartition("/")
            if name:
                self._take(event, self._by_name[name], what)
            else:
                self._take_shared(event)

    def _take(self, event: Event, seat: Seat, what: str) -> None:
        if isinstance(event, Chunk):
            seat.push(what, event)
        elif isinstance(event, MarkerEvent):
            seat.mark(event)
        elif isinstance(event, Opened):
            try:
                seat.open(what, event.described)
            except StreamError as problem:
                self._trouble(seat, what, str(problem))
        elif event.state in _TROUBLE:
            self._trouble(seat, what, event.detail)
        elif event.state in _ANEW:
            seat.problems.pop(what, None)

    def _take_shared(self, event: Event) -> None:
        """Take what comes from the marker stream of all who have none of their own."""
        hearing = [seat for seat in self.seats if seat.markers is None]
        if isinstance(event, MarkerEvent):
            for seat in hearing:
                seat.mark(event)
        elif isinstance(event, Opened):
            for seat in hearing:
                seat.open(MARKERS, event.described)
        elif isinstance(event, StateChange) and event.state in _TROUBLE:
            self._marker_problem = event.detail
            _log.log(logging.ERROR if self._minds else logging.WARNING, "%s", event.detail)
        elif isinstance(event, StateChange) and event.state in _ANEW:
            self._marker_problem = None

    def _trouble(self, seat: Seat, what: str, text: str) -> None:
        said = text if len(self.seats) == 1 else f"{seat.name}: {text}"
        if what != MARKERS and local_clock() < self._until:
            raise StreamError(said)
        seat.problems[what] = text
        _log.error("%s", said)

    @property
    def state(self) -> str:
        """`degraded`: a stream is lost, stalled or of no use; `running`: all flow; `waiting`: not all yet."""
        states = {reader.snapshot().state for seat in self.seats for reader in seat.readers.values()}
        troubled = (self._minds and self._marker_problem) or any(seat.problems for seat in self.seats)
        if troubled or states & {"lost", "stalled"}:
            return "degraded"
        return "running" if states == {"streaming"} else "waiting"

    def describe(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What the status says of each stream, by participant and modality."""
        common = {}
        if self.markers is not None:
            common[MARKERS] = describe(self.markers.snapshot(), self._marker_problem, {})
        return {seat.name: common | seat.describe() for seat in self.seats}
