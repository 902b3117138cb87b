"""From jittered time stamps to steady sample times, gap by gap."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.pace import Pace

HOLD = 0.1  # s of samples that may wait until it is clear whether a run begins or stamps only strayed
_SLOW = 20.0  # Hz; a slower stream decides at once: its samples are too few to wait for
_PACKET = 0.5  # s of samples with one and the same stamp that are waited through
_SAME = 0.05  # periods; stamps nearer than this belong to one packet
_AVERAGE = 2.0  # s, and at least _SAMPLES, over which a settled loop averages
_SAMPLES = 100
_RANGE = 0.02  # how far the true rate may be from the nominal one
_UNSURE = 3e-3  # how far it usually is: the standard deviation, as a share, before anything was heard
_SURE = 2e-5  # how far it may wander once it has been learnt
_PLAIN = 0.05  # periods of jitter at most, for a stamp to tell which sample it is
_FINEST = 1e-6  # s; no stamp is better than that
_WALK = 0.4  # correlation of neighbouring errors above which the loop is too slow for the sender
_QUICKER, _CALMER, _BRISKEST = 1.02, 0.99, 0.3  # a sample's change of the loop's share, and its limit
_MEASURE = 256  # samples between looks at the rate
_JITTER_START = 2e-3  # s
_JITTER_MOST = 0.02  # s; what strays more than six of these is no jitter
_JITTER_GAIN = 1 / 64
_STRAY = 5.0  # mean jitters that a stamp may be off
_WILD = 6.0  # the same where that is more than a period
_CLIP = 3.0  # mean jitters that one stamp may pull with
_STEP_SPAN = 64  # samples over which a lasting step too small for a single stamp to show is looked for
_STEP = 5.5  # mean jitters, over the root of the span, that the mean error may reach


@dataclass(frozen=True)
class Piece:
    """The next ``len(times)`` samples in order, without a gap between them, at ``times`` (s).

    ``period`` (s) is that of the stream at its end, ``rate`` (Hz) what samples are counted by. It ``continues``
    the run before it, or begins a new one.
    """

    times: NDArray[np.float64]
    period: float
    rate: float
    continues: bool


class Dejitter:
    """Steady sample times, in seconds, for one regular stream of nominal ``rate`` Hz.

    Within a run samples are counted: a loop predicts each one's time and follows the stamps, first as a growing
    average and then over a few seconds, learning the period too. A stamp that strays (more than half a period and
    five mean jitters) waits with those that follow: when one fits again they were only late or early, and get
    the times that counting gives them; when none does for ``HOLD`` seconds, samples were lost or the clock
    jumped, and a run begins at their median. Where samples come in packets of one stamp, it is the last one's.
    A true rate that is far from the nominal one is measured, and a run begins that is counted by it.
    The result depends on the order of the stamps, not on how they are chopped into chunks.
    """

    def __init__(self, rate: float) -> None:
        self.jitter = _JITTER_START
        self._pace = Pace()
        self._pending: list[float] = []
        self._previous = np.nan  # the stamp before
        self._count = 0  # samples in the run; 0: none has begun
        self._last = self._drift = 0.0
        self._tune(rate)
        self._before = (0.0, self.period, self.jitter, 0.0)  # what the last sample's stamp changed

    def _tune(self, rate: float) -> None:
        """Count by ``rate`` (Hz) from now on."""
        self.rate, self.period = rate, 1 / rate
        self._wait = int(np.ceil(HOLD * rate)) if rate > _SLOW else 1
        self._most = max(int(_PACKET * rate), self._wait)
        self._least, self._longest = (1 - _RANGE) * self.period, (1 + _RANGE) * self.period
        self._settled = max(round(_AVERAGE * rate), _SAMPLES)
        self._steady = 1 / self._settled, 0.5 / self._settled**2  # shares of an error for time and period
        self._brisk = self._steady[0]  # the share for time where errors last
        self._power = self._lasting = self._pulled = 0.0  # mean squared error, the same of neighbours; last error
        self._followed = False  # a run has been long enough to tell the period
        self._doubt = (0.0, 0.0, (_UNSURE * self.period) ** 2)  # variances of time and period, s^2, and between

    @property
    def tolerance(self) -> float:
        """How far from its prediction a stamp may be, in seconds, before it is said to stray."""
        usual = _STRAY * self.jitter
        # Where jitter is more than a lost sample, one more or less does not show, and false alarms cost windows.
        return max(0.5 * self.period, usual if usual < self.period else _WILD * self.jitter)

    @property
    def held(self) -> int:
        """Samples that wait for the next ones to tell where they belong."""
        return len(self._pending)

    @property
    def _trusted(self) -> float:
        """The period in seconds: what is learnt of it in less than a second is less than what the rate says."""
        return self.period if self._followed else 1 / self.rate

    def push(self, stamps: NDArray[np.float64]) -> list[Piece]:
        """Take ``stamps`` (samples,), in seconds; return the samples whose times are settled, in order."""
        out = _Out()
        for stamp in stamps.tolist():
            self._pace.hear(stamp)
            self._hear(stamp, out)
        return out.pieces(self._trusted, self.rate)

    def flush(self) -> list[Piece]:
        """Return the samples that still wait, and begin a new run with the next."""
        out = _Out()
        while self._pending:
            self._begin(out)
        self._count = 0
        return out.pieces(self._trusted, self.rate)

    def _hear(self, stamp: float, out: "_Out") -> None:
        if self._count == 0:
            self._await(stamp, out)
            return
        astray = stamp - self._last - self.period * (1 + len(self._pending))
        most = 0.5 * self.period
        strays = not -most < astray < most and abs(astray) > self.tolerance
        if strays or (self._pending and self._joins(astray)):
            self._await(stamp, out)
            return
        if self._pending:
            self._accept(out)
        self._step(stamp, out)

    def _step(self, stamp: float, out: "_Out") -> None:
        """Take a sample of the run. Conditions stand for min, max and abs: this runs once a sample."""
        close = _SAME * self.period
        if -close < stamp - self._previous < close:  # a packet: the stamp was not the sample's before
            self._last, self.period, self.jitter, self._drift = self._before
        period, jitter, drift = self.period, self.jitter, self._drift
        predicted = self._last + period
        self._before = predicted, period, jitter, drift
        self._previous = stamp
        self._count += 1
        error, limit = stamp - predicted, _CLIP * jitter
        pull = error if -limit < error < limit else (limit if error > 0 else -limit)
        gain, slope = self._steady if self._count > self._settled else self._gains()
        self._power += (pull * pull - self._power) / _STEP_SPAN
        self._lasting += (pull * self._pulled - self._lasting) / _STEP_SPAN
        self._pulled = pull
        if self._lasting > _WALK * self._power:  # errors that last: the sender's own pace wanders, so follow it
            self._brisk = self._brisk * _QUICKER if self._brisk < _BRISKEST else _BRISKEST
        elif self._brisk > gain:
            self._brisk *= _CALMER
        if self._brisk > gain:
            gain = self._brisk
        most, step = 0.5 * period, gain * pull  # time goes forward whatever the stamps do
        self._last = predicted + (step if -most < step < most else (most if step > 0 else -most))
        learnt = period + slope * pull
        if self._least < learnt < self._longest:
            self.period = learnt
        jitter += _JITTER_GAIN * ((pull if pull > 0 else -pull) - jitter)
        self.jitter = jitter if jitter < _JITTER_MOST else _JITTER_MOST
        self._drift = drift = drift + (error - drift) / _STEP_SPAN
        out.times.append(self._last)
        if self._count == self._settled:
            self._followed = True
        if self._count % _MEASURE == 0:
            self._measure(out)
        elif not -most < drift < most and abs(drift) > _STEP / _STEP_SPAN**0.5 * self.jitter:
            self._count, self._drift = 0, 0.0  # samples were lost unnoticed: a run begins

    def _gains(self) -> tuple[float, float]:
        """Shares of an error that go into time and period: a Kalman filter's until the loop has settled."""
        time, both, period = self._doubt
        time, both = time + 2 * both + period, both + period
        noise = max(self.jitter, _FINEST) ** 2
        kept = noise / (time + noise)
        self._doubt = time * kept, both * kept, period - both * both * (1 - kept) / time
        gain, slope = self._steady
        return max(1 - kept, gain), max(both * (1 - kept) / time, slope)

    def _accept(self, out: "_Out") -> None:
        """Give the waiting samples the times that counting gives them: their stamps only strayed."""
        for _ in self._pending:
            self._last += self.period
            out.times.append(self._last)
        self._previous = self._pending[-1]
        self._before = self._last, self.period, self.jitter, self._drift
        self._count += len(self._pending)
        self._pending.clear()

    def _joins(self, astray: float) -> bool:
        """Whether a sample, ``astray`` by so much from the run, lies nearer to those that wait than to it."""
        steps = self.period * np.arange(1, len(self._pending) + 1)
        return abs(astray - float(np.median(np.array(self._pending) - self._last - steps))) < abs(astray)

    def _await(self, stamp: float, out: "_Out") -> None:
        waiting = self._pending
        waiting.append(stamp)
        if len(waiting) >= self._most or (len(waiting) >= self._wait and not self._packet()):
            self._begin(out)

    def _packet(self) -> bool:
        """Whether the waiting samples have one stamp, of which it is not known to which of them it belongs."""
        close = _SAME * self.period
        return self._wait > 1 and all(abs(b - a) < close for a, b in pairwise(self._pending))

    def _begin(self, out: "_Out") -> None:
        """Begin a run with the waiting samples, as far as they belong together."""
        stamps = np.array(self._pending)
        offsets = stamps - np.arange(len(stamps)) * self.period
        last_of_packet = np.append(np.abs(np.diff(stamps)) >= _SAME * self.period, True)
        if not last_of_packet.all() and last_of_packet[:-1].any():
            last_of_packet[-1] = False  # its packet may go on
        start = float(np.median(offsets[last_of_packet]))
        astray = np.abs(offsets - start)
        near = last_of_packet & (astray <= self.tolerance)
        first, last = (0, len(stamps)) if not near.any() else (_bounds(near, last_of_packet))
        if first > 0:  # those before it are a run of their own: two gaps within a moment
            self._pending = self._pending[:first]
            rest = stamps[first:].tolist()
            self._begin(out)
            self._pending += rest
            return
        self._lock(start, stamps[:last], float(astray[:last][last_of_packet[:last]].mean()), out)
        self._pending = self._pending[last:]

    def _lock(self, start: float, stamps: NDArray[np.float64], spread: float, out: "_Out") -> None:
        out.begin(self._trusted, self.rate)
        start, doubt = self._continued(start, len(stamps))
        for number in range(len(stamps)):
            out.times.append(start + number * self.period)
        self._last = start + (len(stamps) - 1) * self.period
        self._previous = float(stamps[-1])
        self._count, self._drift = len(stamps), 0.0
        self.jitter = min(max(self.jitter, spread), _JITTER_MOST)
        self._before = self._last, self.period, self.jitter, 0.0
        sure = max(self._doubt[2], (_SURE * self.period) ** 2)
        half = len(stamps) / 2  # the median is best known in the middle
        self._doubt = doubt + half * half * sure, half * sure, sure
        self._measure(out)

    def _continued(self, start: float, samples: int) -> tuple[float, float]:
        """Return when a run begins, with the variance of that, given the median ``start`` of its ``samples``.

        A sender that lost samples goes on in step with those before. Of a slow one, for whose next stamps nobody
        can wait, counting on from them says more than one jittered stamp does.
        """
        told = self.jitter**2 / samples
        if self._wait > 1 or not self._followed or self.jitter > _PLAIN * self.period:
            return start, told
        periods = round((start - self._last) / self.period)
        expected = self._last + periods * self.period
        if periods < 1 or abs(start - expected) > _CLIP * self.jitter:
            return start, told
        known = self.jitter**2 / self._settled + (periods * self.period * _SURE) ** 2
        told = max(told, _FINEST**2)
        return expected + (start - expected) * known / (known + told), known * told / (known + told)

    def _measure(self, out: "_Out") -> None:
        """Where the stream's rate is not what it says, a run begins that is counted by what it is."""
        rate = self._pace.measured(self.rate)
        if rate is not None:
            out.begin(self._trusted, self.rate)
            self._tune(rate)
            self._count = 0


def _bounds(near: NDArray[np.bool_], told: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last (exclusive) of the samples that belong together, given which stamps are ``near``.

    Strays between near ones belong to them; samples of a packet belong to its last one, which is ``told``.
    """
    numbers = np.flatnonzero(near)
    before = np.flatnonzero(told[: numbers[0]])
    return (int(before[-1]) + 1 if before.size else 0), int(numbers[-1]) + 1


class _Out:
    """Collects times into pieces."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self.times: list[float] = []  # of the piece in the making
        self._continues = True

    def begin(self, period: float, rate: float) -> None:
        self._close(period, rate)
        self._continues = False

    def pieces(self, period: float, rate: float) -> list[Piece]:
        self._close(period, rate)
        return self._pieces

    def _close(self, period: float, rate: float) -> None:
        if self.times:
            self._pieces.append(Piece(np.array(self.times), period, rate, self._continues))
            self.times, self._continues = [], True
