"""The server: streams into the engines, their messages out, a heartbeat; one thread besides the readers'."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

from memhacl.runtime.lsl_out import LslOut
from memhacl.runtime.messages import Message, StatusMessage
from memhacl.runtime.publish import Publisher
from memhacl.runtime.streams import Streams
from memhacl.stream.lsl.clock import local_clock

_log = logging.getLogger(__name__)

HEARTBEAT = 1.0  # s
LOOK = 0.1  # s between looks at new subscribers while no window is due


class Server:
    """Predicts for everybody in ``streams`` and publishes, until it is told to stop.

    ``outlets`` are LSL streams of predictions by participant.
    """

    def __init__(
        self, streams: Streams, publisher: Publisher, outlets: Mapping[str, LslOut] | None = None
    ) -> None:
        self.streams, self.publisher, self.outlets = streams, publisher, outlets or {}
        self._started = time.monotonic()
        self._next_beat = self._started
        self._logged: set[str] = set()

    def run(self, stopped: Callable[[], bool]) -> None:
        """Serve until ``stopped`` says so; readers are ended and a last status is sent whatever happens.

        Raises
        ------
        StreamError
            While the server starts, a stream does not fit the model or is not the only one.
        """
        self.streams.start()
        try:
            while not stopped():
                self._wait()
                for seat in self.streams.seats:
                    self._publish(seat.name, seat.advance(local_clock()))
                self.publisher.serve_subscriptions()
                self._beat()
        finally:
            self.streams.stop()
            self.publisher.publish(self.status("stopped"))

    def _wait(self) -> None:
        """Sleep until somebody's next window can be complete, then take samples as they come."""
        early = min((seat.due for seat in self.streams.seats if seat.due), default=0.0) - local_clock()
        if early > 0:
            time.sleep(min(early, LOOK))
            self.streams.pump(0)
        else:
            self.streams.pump(LOOK / 2)

    def _publish(self, participant: str, messages: Sequence[Message]) -> None:
        for message in messages:
            self.publisher.publish(message)
        if messages and participant in self.outlets:
            self.outlets[participant].publish(messages)

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + HEARTBEAT
        wall_offset = time.time() - local_clock()
        for seat in self.streams.seats:
            seat.engine.wall_offset = wall_offset
        status = self.status(self.streams.state)
        for text in status.assumed:
            if text not in self._logged:
                _log.warning("assumed: %s", text)
        self._logged.update(status.assumed)
        self.publisher.publish(status)

    def status(self, state: str) -> StatusMessage:
        """Return the heartbeat: what runs, how each stream is doing, what was counted."""
        seats = self.streams.seats
        counters: Counter[str] = Counter()
        for seat in seats:
            counters.update(seat.engine.counters)
            counters["skipped"] += seat.engine.skipped
        return StatusMessage(
            version=version("memhacl"),
            t_lsl=local_clock(),
            t_wall=time.time(),
            uptime=time.monotonic() - self._started,
            state=state,
            participants=[seat.name for seat in seats],
            model=seats[0].engine.record,
            streams=self.streams.describe(),
            counters={**counters, **self.publisher.counters},
            assumed=together({seat.name: seat.assumed for seat in seats}),
            warnings=together({seat.name: seat.engine.warnings for seat in seats}),
        )


def together(said: Mapping[str, list[str]]) -> list[str]:
    """Return what is said of each participant in one list: what does not hold for all has the names before it."""
    texts = list(dict.fromkeys(text for one in said.values() for text in one))
    merged = []
    for text in texts:
        names = [name for name, one in said.items() if text in one]
        merged.append(text if len(names) == len(said) else f"{', '.join(names)}: {text}")
    return merged
