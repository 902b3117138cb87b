"""Which stream a reader is after, over the restarts of its source."""

import math
import threading

from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.finding import ROUND, Candidate, Wanted, choose, successor
from memhacl.stream.lsl.lookout import SHARED, Sight

ASK = 0.25  # s of one wait for the lookout: a reader notices in between that it shall stop


class Trail:
    """Finds the stream that is ``wanted``, and what continues it where it is gone or silent.

    The first stream found decides the name, host and source that are returned to. Times are seconds on the local
    LSL clock. Belongs to one thread.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.current: Candidate | None = None
        self._heard, self._offset = 0.0, 0.0
        self._lost = -math.inf
        self._looked = -math.inf  # begin of the look judged last

    def start(self) -> None:
        """Count from now on: an older look is of no use, but who starts together shares one."""
        self._looked = local_clock() - ROUND

    def follow(self, candidate: Candidate, offset: float) -> None:
        """Keep to ``candidate``, which is open now; ``offset`` (s) leads from its clock to the local one."""
        self.current, self._lost = candidate, -math.inf
        self.hear(local_clock(), offset)

    def hear(self, now: float, offset: float) -> None:
        """Note a sign of life of the current stream."""
        self._heard, self._offset = now, offset

    def lose(self) -> None:
        """Note that the current stream has ended."""
        self._lost = local_clock()
        self._looked = max(self._looked, self._lost - ROUND)

    def find(self, stopped: threading.Event) -> Candidate | None:
        """Wait for the next look at the network; return the stream to connect to, None where it is not there.

        Raises
        ------
        StreamError
            Nothing was read yet, and several streams fit; the message lists them.
        """
        sight = None
        while sight is None and not stopped.is_set():
            sight = SHARED.ask(self._looked, ASK)
        if sight is None:
            return None
        self._looked = sight.begun
        return choose(self.wanted, sight.seen) if self.current is None else self._successor(self.current, sight)

    def glance(self, current: Candidate, pause: float) -> tuple[Candidate | None] | None:
        """Return in a tuple what continues the silent ``current``, None in it where not even that one is there.

        None instead of the tuple: no look that began after the last sign of life, and ``pause`` seconds after
        the look before, has ended yet. It does not wait.
        """
        after = max(self._looked + pause, self._heard)
        sight = SHARED.ask(after) if after < local_clock() else None
        if sight is None:
            return None
        self._looked = sight.begun
        return (self._successor(current, sight),)

    def _successor(self, current: Candidate, sight: Sight) -> Candidate | None:
        # a look that began before its end may still have seen it
        seen = [c for c in sight.seen if c.uid != current.uid or sight.begun > self._lost]
        return successor(self.wanted, current, seen, self._heard - self._offset)
