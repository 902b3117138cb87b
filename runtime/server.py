"""The server: streams into the engine, its messages out, a heartbeat; one thread besides the readers'."""

import time
from collections.abc import Callable
from importlib.metadata import version

from memhacl.runtime.engine import Engine
from memhacl.runtime.lsl_out import LslOut
from memhacl.runtime.messages import Message, StatusMessage
from memhacl.runtime.publish import Publisher
from memhacl.runtime.streams import Streams
from memhacl.stream.lsl.clock import local_clock

HEARTBEAT = 1.0  # s
LOOK = 0.1  # s between looks at new subscribers while no window is due


class Server:
    """Runs ``engine`` on ``streams`` and publishes, also to ``outlet`` if given, until it is told to stop."""

    def __init__(
        self, engine: Engine, streams: Streams, publisher: Publisher, outlet: LslOut | None = None
    ) -> None:
        self.engine, self.streams, self.publisher, self.outlet = engine, streams, publisher, outlet
        self._started = time.monotonic()
        self._next_beat = self._started

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
                self._publish(self.engine.advance(local_clock()))
                self.streams.quiet_until = self.engine.due or 0.0
                self.publisher.serve_subscriptions()
                self._beat()
        finally:
            self.streams.stop()
            self.publisher.publish(self.status("stopped"))

    def _publish(self, messages: list[Message]) -> None:
        for message in messages:
            self.publisher.publish(message)
        if self.outlet is not None:
            self.outlet.publish(messages)

    def _wait(self) -> None:
        """Sleep until the next window can be complete, then take samples as they come."""
        due = self.engine.due
        early = LOOK if due is None else due - local_clock()
        if due is not None and early > 0:
            time.sleep(min(early, LOOK))
            self.streams.pump(0)
        else:
            self.streams.pump(LOOK / 2)

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + HEARTBEAT
        self.engine.wall_offset = time.time() - local_clock()
        self.publisher.publish(self.status(self._state()))

    def _state(self) -> str:
        states = {reader.snapshot().state for reader in self.streams.data_readers.values()}
        if self.streams.problems or states & {"lost", "stalled"}:
            return "degraded"
        return "running" if states == {"streaming"} else "waiting"

    def status(self, state: str) -> StatusMessage:
        """Return the heartbeat: what runs, how each stream is doing, what was counted."""
        return StatusMessage(
            version=version("memhacl"),
            t_lsl=local_clock(),
            t_wall=time.time(),
            uptime=time.monotonic() - self._started,
            state=state,
            participants=[self.engine.participant],
            model=self.engine.record,
            streams=self.streams.describe(),
            counters={**self.engine.counters, "skipped": self.engine.skipped, **self.publisher.counters},
            assumed=self.engine.assumed,
            warnings=self.engine.warnings,
        )
