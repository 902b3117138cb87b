"""The LSL streams of one participant, read into an engine."""

import logging
from collections.abc import Mapping
from typing import Any

from memhacl.runtime.engine import Engine
from memhacl.stream.errors import ConfigError, StreamError
from memhacl.stream.lsl.describe import MARKERS
from memhacl.stream.lsl.finding import Wanted
from memhacl.stream.lsl.inlet import MarkerReader, Reader, local_clock, stop_all
from memhacl.stream.lsl.mailbox import Chunk, Event, Mailbox, MarkerEvent, Opened, StateChange
from memhacl.stream.signals import Marker

_log = logging.getLogger(__name__)


class Streams:
    """Readers for the engine's modalities and for markers.

    A stream that does not fit the model, or of which there are several, is an error while the server starts
    (``grace`` seconds); later it is said in the status, and the session goes on without it.
    """

    def __init__(self, engine: Engine, names: Mapping[str, str], grace: float = 5.0) -> None:
        self.mailbox = Mailbox()
        self.problems: dict[str, str] = {}
        self._engine, self._grace = engine, grace
        self._fitting: set[str] = set()
        wanted = {modality: Wanted(modality, name=names.get(modality)) for modality in engine.modalities}
        self.quiet_until = 0.0  # LSL time (s) before which no window can be complete
        self.data_readers = {
            name: Reader(name, wish, self.mailbox, quiet_until=lambda: self.quiet_until)
            for name, wish in wanted.items()
        }
        markers = MarkerReader(MARKERS, Wanted(MARKERS, name=names.get(MARKERS)), self.mailbox)
        self.readers: dict[str, Reader | MarkerReader] = {**self.data_readers, MARKERS: markers}
        if unknown := sorted(set(names) - set(self.readers)):
            raise ConfigError(
                f"--stream {unknown[0]}={names[unknown[0]]}: expected {', '.join(self.readers)} before '='"
            )

    def start(self) -> None:
        """Begin to look for the streams."""
        self._until = local_clock() + self._grace
        for reader in self.readers.values():
            reader.start()

    def stop(self) -> None:
        """End all readers, within about a second."""
        stop_all(self.readers.values())

    def pump(self, timeout: float) -> None:
        """Give the engine what has come; wait up to ``timeout`` seconds for the first of it.

        Raises
        ------
        StreamError
            While the server starts: a stream does not fit, or several carry one modality.
        """
        for event in self.mailbox.drain(timeout):
            self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, Chunk):
            if event.stream in self._fitting:
                self._engine.push(event.stream, event.samples, event.stamps, event.arrived)
        elif isinstance(event, MarkerEvent):
            self._engine.mark(Marker(event.time, event.text))
        elif isinstance(event, Opened):
            self._open(event)
        elif isinstance(event, StateChange) and event.state in ("ambiguous", "unusable"):
            self._trouble(event.stream, event.detail)

    def _open(self, event: Opened) -> None:
        self.problems.pop(event.stream, None)
        if event.stream == MARKERS:
            return
        self._fitting.discard(event.stream)
        try:
            for text in self._engine.open(event.described.format):
                _log.warning("assumed: %s", text)
        except StreamError as problem:
            self._trouble(event.stream, str(problem))
            return
        self._fitting.add(event.stream)
        for text in event.described.assumed:
            _log.warning("assumed: %s: %s", event.stream, text)

    def _trouble(self, stream: str, text: str) -> None:
        if stream != MARKERS and local_clock() < self._until:
            raise StreamError(text)
        self.problems[stream] = text
        _log.error("%s", text)

    def describe(self) -> dict[str, dict[str, Any]]:
        """What the status says of each stream."""
        return {name: self._describe(name) for name in self.readers}

    def _describe(self, name: str) -> dict[str, Any]:
        seen = self.readers[name].snapshot()
        found = seen.described.format if seen.described else None
        return {
            "state": seen.state,
            "detail": self.problems.get(name, seen.detail),
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
            "late": self._engine.late.get(name, 0),
        }
