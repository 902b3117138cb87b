"""One open inlet: connected with timeouts everywhere, stamps on the local clock."""

import math
import socket
import threading
from typing import Any

import numpy as np
import pylsl
from numpy.typing import NDArray

from memhacl.stream.errors import StreamError
from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.describe import Described, read_info
from memhacl.stream.lsl.finding import Candidate

# Estimates of the offset to our own clock scatter by tens of microseconds; two machines' clocks count from
# their boots. So a stream of this host with less than this is on our clock, and its stamps stay exact.
SAME_CLOCK = 1e-3  # s
REFRESH = 0.25  # s between looks at liblsl's running estimate of the clock offset, which it renews every 2 s
OVERLAP = 1.0  # s after which nothing comes any more that the connection before this one had brought
AT_ONCE = (
    64  # connections made at a time: each waits 0.65 s for the clock, so in a row 120 would take over a minute
)
BUFFER = 10  # s that liblsl keeps for us; what is older is of no use to a live window
PULL = 512  # samples at most at once

Lost = pylsl.util.LostError
_making = threading.BoundedSemaphore(AT_ONCE)


class Connection:
    """An open inlet on ``candidate``; ``timeout`` (s) bounds each step of connecting.

    liblsl's recovery is off (it can be silent for ever) and so is its post-processing (its dejitter is wrong
    for seconds after a gap): ``pull`` adds the clock offset and nothing else. ``replaces`` is an older connection
    to the same outlet: what it still holds comes first, and nothing comes twice.

    Raises
    ------
    StreamError
        The outlet did not answer in time, or went away meanwhile.
    """

    def __init__(self, candidate: Candidate, timeout: float, replaces: "Connection | None" = None) -> None:
        self.candidate = candidate
        with _making:
            self._open(timeout)
        same_host = candidate.host == socket.gethostname()
        self.shared_clock = same_host and abs(self.offset) < SAME_CLOCK
        self._next_look = local_clock() + REFRESH
        self._early: tuple[NDArray[Any], NDArray[np.float64]] | None = None
        self._known, self._overlap_ends = -math.inf, -math.inf
        if replaces is not None and replaces.candidate.uid == candidate.uid:
            self._inherit(replaces)

    def _open(self, timeout: float) -> None:
        try:
            info = self.candidate.info
            self._inlet: Any = pylsl.StreamInlet(info, max_buflen=BUFFER, recover=False, as_numpy=True)
            self._inlet.open_stream(timeout)
            # Without these two, the first pull makes them itself, without a timeout.
            self.described: Described = read_info(self._inlet.info(timeout))
            self.offset = float(self._inlet.time_correction(timeout))
        except (pylsl.util.TimeoutError, Lost, RuntimeError) as problem:
            raise StreamError(
                f"{self.candidate}: found but cannot be opened within {timeout:g} s ({problem})"
            ) from None

    def pull(self, timeout: float) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Wait up to ``timeout`` s for samples: (samples, channels), and stamps (samples,) in local seconds.

        Raises
        ------
        Lost
            The outlet is gone.
        """
        if self._early is not None:
            early, self._early = self._early, None
            return early
        # None: one call instead of two where nothing is waited for
        least = 1 if timeout > 0 else None
        samples, stamps = self._inlet.pull_chunk(timeout=timeout, max_samples=PULL, min_samples=least)
        if len(stamps) == 0:
            return samples, stamps
        self._look_at_clock()
        # copies: what came is a view into a buffer for PULL samples, which would live as long as it
        samples, stamps = samples.copy(), stamps.copy() if self.shared_clock else stamps + self.offset
        if local_clock() > self._overlap_ends:
            return samples, stamps
        fresh = stamps > self._known
        return samples[fresh], stamps[fresh]

    def _inherit(self, old: "Connection") -> None:
        """Take over what came by ``old`` while this connection was made."""
        try:
            samples, stamps = old.pull(0.0)
        except Lost:
            return
        if len(stamps):
            self._early = samples, stamps
            # two estimates of one clock's offset differ by less than this
            self._known = float(stamps[-1]) + (0.0 if self.shared_clock else SAME_CLOCK)
            self._overlap_ends = local_clock() + OVERLAP

    def _look_at_clock(self) -> None:
        if local_clock() < self._next_look:
            return
        self._next_look = local_clock() + REFRESH
        try:
            self.offset = float(self._inlet.time_correction(0.1))  # at once: liblsl measures in the background
        except pylsl.util.TimeoutError:
            return
        if abs(self.offset) >= SAME_CLOCK:
            self.shared_clock = False
