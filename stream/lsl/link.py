"""The thread behind every reader: finds its stream, connects, notices silence and loss, finds it again."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import StreamError
from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.connection import PULL, Connection, Lost
from memhacl.stream.lsl.describe import Described
from memhacl.stream.lsl.finding import ROUND, Candidate, Wanted
from memhacl.stream.lsl.mailbox import Event, Mailbox, Opened, StateChange
from memhacl.stream.lsl.meter import Meter
from memhacl.stream.lsl.state import Snapshot, Timing
from memhacl.stream.lsl.trail import Trail

_log = logging.getLogger(__name__)

NAP = 0.1  # s that samples may gather at most
GATHER = 0.004  # s that those of a faster stream gather even when they are urgent: a wake-up a sample costs most


class Link(threading.Thread, ABC):
    """A reader's thread: events about ``stream`` (the caller's name) into ``mailbox``.

    ``wanted`` says which LSL stream it is. It may be started before its stream is there, and follows it over
    restarts: the first one found decides the name, the host and the source that it returns to. ``quiet_until``
    says up to which LSL time (s) nobody waits for a sample.
    """

    silence_is_fault: bool

    def __init__(
        self,
        stream: str,
        wanted: Wanted,
        mailbox: Mailbox,
        timing: Timing | None = None,
        quiet_until: Callable[[], float] = lambda: 0.0,
    ) -> None:
        # A daemon: a call into liblsl that does not return must not keep the process alive.
        super().__init__(name=f"lsl-{stream}", daemon=True)
        self.stream = stream
        self.wanted = wanted
        self.mailbox = mailbox
        self.timing = timing or Timing()
        self.quiet_until = quiet_until
        self._stop_asked = threading.Event()
        self._changed = threading.Condition()
        self._state, self._detail = "idle", ""
        self._described: Described | None = None
        self._offset = 0.0
        self._connections = 0
        self._meter = Meter()
        self._trail = Trail(wanted)
        self._heard = 0.0  # last sign of life

    def ask_stop(self) -> None:
        """Ask the thread to end, without waiting; from here on nothing more is delivered."""
        self._stop_asked.set()

    def stop(self, timeout: float = 1.0) -> bool:
        """Ask the thread to end and wait for it up to ``timeout`` s; return whether it did.

        A thread that liblsl holds ends by itself later.
        """
        self.ask_stop()
        if self.is_alive():
            self.join(timeout)
        return not self.is_alive()

    def wait_open(self, timeout: float) -> Described | None:
        """Wait up to ``timeout`` s for the first connection; return what the stream says of itself."""
        with self._changed:
            self._changed.wait_for(lambda: self._connections > 0, timeout)
            return self._described

    def wait_for(self, state: str, timeout: float) -> bool:
        """Wait up to ``timeout`` s until the reader is in ``state``; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._state == state, timeout)

    def snapshot(self) -> Snapshot:
        """Return how the stream is doing now."""
        with self._changed:
            return Snapshot(
                stream=self.stream,
                state="stopped" if self._stop_asked.is_set() else self._state,
                detail=self._detail,
                described=self._described,
                samples=self._meter.samples,
                last_stamp=self._meter.last_stamp,
                last_arrival=self._meter.last_arrival,
                rate=self._meter.rate,
                offset=self._offset,
                restarts=max(self._connections - 1, 0),
                dropped=self.mailbox.dropped[self.stream],
                absurd_clock=self._meter.absurd_clock,
            )

    def run(self) -> None:
        """Find, connect and read until stopped (the thread's body; call ``start``)."""
        self._trail.start()
        following: Candidate | None = None
        old: Connection | None = None  # kept open while the same stream is opened anew: nothing falls between
        while not self._stop_asked.is_set():
            try:
                found = following or self._find()
                following = None
                connection = self._connect(found, old) if found else None
                if connection is not None:
                    following = self._read(connection)
                    old = connection if following is not None else None
            except Exception as problem:  # a reader must outlive what nobody foresaw, and say it
                _log.exception("%s: reading failed", self.stream)
                self._enter("lost", f"unexpected {type(problem).__name__}: {problem}")
                self._stop_asked.wait(ROUND)

    def _find(self) -> Candidate | None:
        if self._state == "idle":
            self._enter("searching", f"looking for one {self.wanted}")
        try:
            found = self._trail.find(self._stop_asked)
        except StreamError as problem:
            self._enter("ambiguous", str(problem))
            return None
        if found is None and self._trail.current is None:
            self._enter("searching", f"looking for one {self.wanted}")
        return found

    def _connect(self, candidate: Candidate, old: Connection | None) -> Connection | None:
        if self._state not in ("unreachable", "unusable"):  # else it would say so again at every attempt
            self._enter("connecting", str(candidate))
        failure = "unreachable"
        try:
            connection = Connection(candidate, self.timing.connect, old)
            failure = "unusable"
            self._check(connection)
        except StreamError as problem:
            self._enter(failure, str(problem))
            self._stop_asked.wait(ROUND)
            return None
        with self._changed:  # who waits for the connection shall also see its state
            self._connections += 1
            self._heard = local_clock()
            self._trail.follow(connection.candidate, connection.offset)
            self._described, self._offset = connection.described, connection.offset
            self._meter.restart()
            self._put(Opened(self.stream, connection.described, self._heard))
            self._enter("connected", str(candidate))
        return connection

    def _read(self, connection: Connection) -> Candidate | None:
        """Deliver until stopped or lost; return the stream to connect to next where it is known already."""
        came, dense = 0, connection.described.format.rate > 1 / GATHER
        while not self._stop_asked.is_set():
            rested = self._rest(came, dense)
            try:
                samples, stamps = connection.pull(0.0 if rested else self.timing.poll)
            except Lost:
                self._trail.lose()
                self._enter("lost", f"{connection.candidate} has gone; looking for it")
                return None
            now, came = local_clock(), len(stamps)
            if came:
                self._heard, self._offset = now, connection.offset
                self._trail.hear(now, connection.offset)
                self._meter.add(stamps, now)
                self._deliver(samples, stamps, now)
                if self._state != "streaming":
                    self._enter("streaming", str(connection.candidate))
            elif now - self._heard > self._patience(connection):
                following = self._silent(connection.candidate, now - self._heard)
                if following is not None:
                    return following
        return None

    def _rest(self, came: int, dense: bool) -> bool:
        """Let samples gather after a pull that brought ``came``; return whether more must be there by now."""
        if came == PULL:
            return True
        pause = min(self.quiet_until() - local_clock(), NAP)
        if came and dense:
            pause = max(pause, GATHER)
        if pause > 0:
            time.sleep(pause)
        return came > 0 and pause > 0

    def _patience(self, connection: Connection) -> float:
        rate = connection.described.format.rate
        return max(self.timing.stall, 5 / rate) if rate else self.timing.stall

    def _silent(self, current: Candidate, silence: float) -> Candidate | None:
        """Return the stream to go to from a silent one: another outlet, the same one anew, or None: wait."""
        flowed = self._state in ("streaming", "stalled")
        if self.silence_is_fault and flowed:
            self._enter("stalled", f"{current}: no samples for {silence:.1f} s")
        glance = self._trail.glance(current, 0.0 if self.silence_is_fault else self.timing.quiet)
        if glance is None:
            return None
        (found,) = glance
        if found is None:
            self._enter("stalled", f"{current}: silent, and does not answer queries")
        elif found.uid == current.uid:  # there, with nothing to say, or cut off from us
            if not self.silence_is_fault and self._state == "stalled":
                self._enter("connected", str(current))
            return found if self.silence_is_fault and flowed and silence > self.timing.reopen else None
        return found

    def _enter(self, state: str, detail: str) -> None:
        with self._changed:
            # which streams fit may change while several do; other details only grow older
            known = self._state == state and (state != "ambiguous" or self._detail == detail)
            self._state, self._detail = state, detail
            if known:
                return
            self._changed.notify_all()
        _log.info("%s: %s: %s", self.stream, state, detail)
        self._put(StateChange(self.stream, state, detail, local_clock()))

    def _put(self, event: Event) -> None:
        if not self._stop_asked.is_set():
            self.mailbox.put(event)

    @abstractmethod
    def _check(self, connection: Connection) -> None:
        """Raise StreamError where the stream's kind is not what this reader reads."""

    @abstractmethod
    def _deliver(self, samples: NDArray[Any], stamps: NDArray[np.float64], now: float) -> None:
        """Put what came into the mailbox."""
