"""Streams whose stamps are not on the common clock, or leave it: carried over by the times of arrival."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

AHEAD = 1.0  # s that a stamp may lie in the future before its clock is said to be another
BEHIND = 60.0  # s that a first stamp may be old
JUMP = (
    1.0  # s; a jump of the stamps that arrivals do not share is seen at once; below it delays could look like one
)
STEP = (
    0.1  # s; a smaller jump of the stamps is judged after _WATCH; one below this cannot be told from lost samples
)
_WATCH = 1.0  # s
_ALIKE = 0.3  # of a step: how far what delays say of it may be from it
_HOME = 0.05  # s; a shift smaller than this is none: the clock is back
_FOLLOW = 30.0  # s over which a foreign clock's drift against arrivals is followed
_LAG = 32  # chunks whose delays are averaged


@dataclass
class _Suspect:
    """A ``step`` (s) in the stamps at ``since``, when delays were ``lag``; what ``lags`` have been since."""

    step: float
    lag: float
    since: float
    lags: list[float] = field(default_factory=list)


class Guard:
    """Shifts the stamps of one stream onto the common clock where they are not on it.

    ``shift`` (s) is added to the stamps. It is 0 for a stream that keeps to the clock. A stream that starts out
    on another clock (Unix time) is placed by its arrival; one whose stamps jump while its samples keep arriving
    goes on without a break (a jump below a second is undone a second later). A true pause is seen in stamps and
    arrivals alike, and left alone.
    """

    def __init__(self, others: "list[Guard]") -> None:
        self._others = others  # guards of all streams, of which some may be on the same foreign clock
        others.append(self)
        self.restart(0.0)

    def restart(self, rate: float) -> None:
        """Forget the clock: a stream of ``rate`` Hz (0: irregular) was opened."""
        self._period = 1 / rate if rate else 0.0
        self.shift = 0.0
        self.jumps = 0
        self._last: float | None = None  # newest stamp, as it came
        self._arrived = 0.0
        self._lag: float | None = None  # usual delay of a chunk's last sample, s
        self._usual = 0.0
        self._suspect: _Suspect | None = None

    def push(self, stamps: NDArray[np.float64], now: float) -> NDArray[np.float64]:
        """Return ``stamps`` (samples,), which arrived at ``now``, on the common clock; all in seconds."""
        if self._last is None:
            self._meet(now - float(stamps[-1]))
            self._last = float(stamps[0]) - self._period
        out = stamps + self.shift if self.shift else stamps
        steps = np.empty_like(stamps)
        steps[0] = stamps[0] - self._last - self._period
        steps[1:] = stamps[1:] - stamps[:-1] - self._period
        if max(steps.max(), -steps.min()) > STEP:
            out = self._jumped(stamps, steps, now)
        self._last = float(stamps[-1])
        self._watch(now - self._last - self.shift, now)
        self._follow(now - self._last - self.shift, now)
        return out

    def _jumped(self, stamps: NDArray[np.float64], steps: NDArray[np.float64], now: float) -> NDArray[np.float64]:
        """`push` where a step is large."""
        out, large = stamps + self.shift, np.abs(steps)
        jumps = np.flatnonzero(large > JUMP).tolist()
        if not jumps and self._lag is not None:
            self._suspect = _Suspect(float(steps[large.argmax()]), self._lag, now)
        for place in jumps:
            self._judge(float(steps[place]), now - float(stamps[-1]) - self.shift, now)
            out[place:] = stamps[place:] + self.shift
        return out

    def _watch(self, lag: float, now: float) -> None:
        """Find out whether a small step was the clock's: then delays have changed by as much, and stay so."""
        if self._suspect is None:
            return
        self._suspect.lags.append(lag)
        if now - self._suspect.since < _WATCH:
            return
        step, change = self._suspect.step, float(np.median(self._suspect.lags)) - self._suspect.lag
        self._suspect = None
        if abs(change + step) < _ALIKE * abs(step):
            self._set(self.shift - step)
            self._lag = lag + step
            self.jumps += 1

    def _meet(self, lag: float) -> None:
        if -AHEAD <= lag <= BEHIND:
            return
        near = [other.shift for other in self._others if other.shift and abs(other.shift - lag) < JUMP]
        self._set(near[0] if near else lag)

    def _judge(self, step: float, lag: float, now: float) -> None:
        """Decide what a ``step`` in the stamps is, given the delay that it would make."""
        change = lag - (self._usual if self._lag is None else self._lag)
        if abs(change) <= JUMP:
            return  # the samples paused as their stamps did
        paused = now - self._arrived > JUMP
        self._set(self.shift + (change if paused else -step))
        self.jumps += 1

    def _set(self, shift: float) -> None:
        self.shift = 0.0 if abs(shift) < _HOME else shift

    def _follow(self, lag: float, now: float) -> None:
        """Learn the usual delay; keep a foreign clock, which nothing else corrects, at the delay it began with."""
        if self._lag is None:
            self._lag = self._usual = lag
        since, self._arrived = now - self._arrived, now
        self._lag += (lag - self._lag) / _LAG
        if self.shift and 0 < since < JUMP:
            self.shift += (self._lag - self._usual) * since / _FOLLOW
