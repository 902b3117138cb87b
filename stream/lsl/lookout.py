"""One look at the network for all readers of a process: 120 of them must not ask it 120 times over."""

import logging
import math
import threading
from dataclasses import dataclass

from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.finding import ROUND, Candidate, visible

_log = logging.getLogger(__name__)

PACE = 0.5  # s between the beginnings of two looks; they overlap, so that a stream that comes is seen sooner
AT_ONCE = 3  # looks that may run; more than the pace lets run means that liblsl does not return


@dataclass(frozen=True)
class Sight:
    """What one look at the network saw; ``begun`` is when it began (s, local LSL clock)."""

    begun: float
    seen: tuple[Candidate, ...]


class Lookout:
    """Looks at the network while somebody asks, at most twice a second however many ask.

    Each look has a thread of its own, since liblsl's search cannot be broken off and no reader shall be held up
    by it. While nobody asks (all streams flow), nothing is looked for.
    """

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._latest = Sight(-math.inf, ())
        self._last_begun, self._running = -math.inf, 0

    def ask(self, after: float, wait: float = 0.0) -> Sight | None:
        """Return the newest finished look that began after ``after`` (s, local LSL clock).

        Where there is none, look, wait up to ``wait`` seconds for it, and return None where it takes longer: the
        caller asks again.
        """
        end = local_clock() + wait
        with self._news:
            while self._latest.begun <= after:
                self._begin()
                left = end - local_clock()
                if left <= 0:
                    return None
                self._news.wait(min(left, PACE))
            return self._latest

    def _begin(self) -> None:
        now = local_clock()
        if now - self._last_begun >= PACE and self._running < AT_ONCE:
            self._last_begun, self._running = now, self._running + 1
            threading.Thread(target=self._look, args=(now,), name="lsl-lookout", daemon=True).start()

    def _look(self, begun: float) -> None:
        seen: tuple[Candidate, ...] | None = None
        try:
            seen = visible(ROUND)
        except Exception:  # nobody foresaw it; who waits asks again
            _log.exception("looking at the network failed")
        with self._news:
            self._running -= 1
            if seen is not None and begun > self._latest.begun:
                self._latest = Sight(begun, seen)
            self._news.notify_all()


SHARED = Lookout()
