"""Streams whose stamps are not on the common clock, or leave it: carried over by the times of arrival."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

AHEAD = 0.1  # s that a stamp may lie further in the future than the stream's stamps ever do
FOREIGN = 0.5  # s that the first stamps may lie in the future, and
BEHIND = 60.0  # s that they may be old, before they are said to be another clock's
BACK = 0.1  # s that stamps may go back: no loss does that, and no jitter
WATCH = 0.3  # s, and _TIMES chunks, that stamps must be impossible for before their clock is said to have jumped
_TIMES = 3
_HOME = 0.05  # s; a shift smaller than this is none: the clock is back
_SPAN = 30  # s over which the least delay is known
_FOLLOW = 0.1  # of its change goes, each second, into the shift of a foreign clock, which drifts


class Guard:
    """Shifts the stamps of one stream onto the common clock where they are not on it.

    A stamp cannot come before its time, and time does not go back: samples for which that fails are held to be
    stray, and left out. When it fails for `WATCH` seconds on end their clock is another one (Unix time), or has
    jumped; from then on ``shift`` (s) is added, so that samples come as late as they used to. A pause, a backlog
    or a loss, after which samples are late and never early, is believed.
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
        self.strays = 0
        self._last: float | None = None  # newest stamp that was taken, as it came
        self._least: deque[float] = deque(maxlen=_SPAN)  # least delay in each second, s
        self._usual: float | None = None  # least delay when the shift was set
        self._second = -np.inf
        self._suspects: list[tuple[float, float, float]] = []  # arrival, first and last stamp of doubted chunks

    @property
    def delay(self) -> float:
        """Least time in seconds between a stamp and its arrival of late; 0 where nothing came."""
        return min(self._least, default=0.0)

    def push(self, stamps: NDArray[np.float64], now: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return ``stamps`` (samples,), which arrived at ``now``, on the common clock (s), and which to take."""
        take = self._possible(stamps, now)
        if not take.all():
            doubted = stamps[~take & np.isfinite(stamps)]
            if doubted.size:
                self._suspects.append((now, float(doubted[0]), float(doubted[-1])))
        if self._suspects and self._convicted(stamps, take, now):
            self._jump()
            take = self._possible(stamps, now)
        self.strays += int((~take).sum())
        if take[-1]:
            self._suspects.clear()
        taken = stamps[take]
        if taken.size:
            self._last = float(taken.max())
            self._learn(now - float(taken[-1]) - self.shift, now)
        return stamps + self.shift, take

    def _possible(self, stamps: NDArray[np.float64], now: float) -> NDArray[np.bool_]:
        """Which samples (samples,) have neither come before their time nor gone back."""
        if self._last is None:
            known = now - stamps - self.shift
            return np.asarray(np.isfinite(stamps) & (known > -FOREIGN) & (known < BEHIND))
        earliest = min(self.delay, 0.0) - AHEAD
        fits = np.isfinite(stamps) & (now - stamps - self.shift > earliest)
        highest = np.maximum.accumulate(np.where(fits, stamps, -np.inf))
        highest = np.maximum(highest, self._last)
        return np.asarray(fits & (stamps > highest - BACK - self._period))

    def _convicted(self, stamps: NDArray[np.float64], take: NDArray[np.bool_], now: float) -> bool:
        """Whether the doubted samples are no strays: for long enough, or those that follow go on from them."""
        if not take[-1]:
            return now - self._suspects[0][0] >= WATCH and len(self._suspects) >= _TIMES
        behind = np.flatnonzero(~take)
        first = int(behind[-1]) + 1 if behind.size else 0
        before = float(stamps[first - 1]) if first else self._suspects[-1][2]
        lasting = self._suspects[-1][2] - self._suspects[0][1] > BACK / 2
        return lasting and self._period > 0 and abs(float(stamps[first]) - before - self._period) < BACK / 2

    def _jump(self) -> None:
        """Place the doubted samples by their arrival: they come as late as those before them did."""
        delays = [now - last for now, _, last in self._suspects]
        shift = min(delays) - self.delay
        if self._last is None:
            near = [
                other.shift for other in self._others if other.shift and abs(other.shift - shift) < 2 * FOREIGN
            ]
            shift = near[0] if near else shift
        else:  # where no sample is missing, counting on is exact
            counted = self._last + self.shift + self._period - self._suspects[0][1]
            shift = counted if abs(counted - shift) < AHEAD else shift
            self.jumps += 1
        self.shift = 0.0 if abs(shift) < _HOME else shift
        self._last = None if self._last is None else -np.inf
        self._suspects.clear()
        self._usual = None

    def _learn(self, delay: float, now: float) -> None:
        """Note a chunk's delay; keep a foreign clock, which nothing else corrects, at the delay it began with."""
        if now - self._second < 1.0:
            self._least[-1] = min(self._least[-1], delay)
            return
        self._second = now
        if self.shift and len(self._least) == _SPAN:
            self._usual = self.delay if self._usual is None else self._usual
            change = _FOLLOW * (self.delay - self._usual)
            self.shift += change
            self._least = deque((least - change for least in self._least), maxlen=_SPAN)
            delay -= change
        self._least.append(delay)
