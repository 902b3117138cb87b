"""The LSL streams of a session, read into its participants' engines through one mailbox."""

import logging
from collections.abc import Sequence
from typing import Any

from memhacl.runtime.engine import Engine
from memhacl.runtime.seat import Seat, describe
from memhacl.runtime.session_file import Choice, Session
from memhacl.stream.errors import StreamError
from memhacl.stream.lsl.inlet import MarkerReader, Reader, local_clock, stop_all
from memhacl.stream.lsl.mailbox import Chunk, Event, Mailbox, MarkerEvent, Opened, StateChange
from memhacl.stream.signals import MARKERS, Marker

_log = logging.getLogger(__name__)

_EVENTS = 1024  # that may wait of each stream: what it brings while the loop is held up for half a minute
_TROUBLE = ("ambiguous", "unusable")  # states of a reader that do not mend themselves


class Streams:
    """Readers for everybody in ``session``, whose engines are ``engines`` by name.

    A stream that does not fit the model, or of which there are several, is an error while the server starts
    (``grace`` seconds); later it is said in the status, and the session goes on without it.
    """

    def __init__(self, session: Session, engines: Sequence[Engine], grace: float = 5.0) -> None:
        by_name = {engine.participant: engine for engine in engines}
        streams = sum(len(participant.streams) + 1 for participant in session.participants)
        self.mailbox = Mailbox(_EVENTS * streams)
        self.seats = tuple(Seat(person, by_name[person.name], self.mailbox) for person in session.participants)
        self._by_name = {seat.name: seat for seat in self.seats}
        self._grace, self._until = grace, 0.0
        self._marker_problem: str | None = None
        self.markers: MarkerReader | None = None
        if (choice := shared_markers(session)) is not None:
            self.markers = MarkerReader(MARKERS, choice.wanted(MARKERS), self.mailbox)

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
            seat.engine.mark(Marker(event.time, event.text))
        elif isinstance(event, StateChange) and event.state in _TROUBLE:
            self._trouble(seat, what, event.detail)
        else:
            try:
                self._connected(event, seat, what)
            except StreamError as problem:
                self._trouble(seat, what, str(problem))

    def _connected(self, event: Opened | StateChange, seat: Seat, what: str) -> None:
        if isinstance(event, Opened):
            seat.open(what, event.described)
        elif event.state == "connected" and what != MARKERS:
            seat.claim(what, event.detail, self.seats)  # the detail names the stream, its uid included

    def _take_shared(self, event: Event) -> None:
        """Take what comes from the marker stream of all who have none of their own."""
        if isinstance(event, MarkerEvent):
            for seat in self.seats:
                if seat.markers is None:
                    seat.engine.mark(Marker(event.time, event.text))
        elif isinstance(event, Opened):
            self._marker_problem = None
        elif isinstance(event, StateChange) and event.state in _TROUBLE:
            self._marker_problem = event.detail
            _log.error("%s", event.detail)

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
        troubled = self._marker_problem or any(seat.problems for seat in self.seats)
        if troubled or states & {"lost", "stalled"}:
            return "degraded"
        return "running" if states == {"streaming"} else "waiting"

    def describe(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What the status says of each stream, by participant and modality."""
        common = {}
        if self.markers is not None:
            common[MARKERS] = describe(self.markers.snapshot(), self._marker_problem, {})
        return {seat.name: common | seat.describe() for seat in self.seats}


def shared_markers(session: Session) -> Choice | None:
    """Return which marker stream is for all who have none of their own, None where nobody would hear it.

    Where the session says nothing of markers, it is the only one that there is.
    """
    own = [participant.markers for participant in session.participants]
    if all(own):
        return None
    return session.markers or (None if any(own) else Choice())
