"""How far a modality's part of a window can be trusted, as numbers (docs/quality.md)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.path.thresholds import LIMITS, Limits, comparable

Values = NDArray[np.float64]

POOR = 0.5  # a window that scores less is poor
MAINS = (50.0, 60.0)  # Hz
_FEW = 16  # fewer samples cannot show that a channel is stuck or hums: quantised values may well be equal
_BEARABLE = 0.4  # share of samples out of range that leaves nothing to trust
_STUCK = 0.9  # share of samples at its extremes from which a channel is dead
_AT_ONCE = 12  # channels: larger blocks would be given new memory each time, which costs more than the arithmetic
_FIGURES = ("flat", "railed", "line", "range", "slope", "out_of_range", "steep")


def assess(
    modality: str, samples: Values, rate: float, span: float, missing: float, unit: str
) -> dict[str, float]:
    """Quality of one modality's window of ``span`` s from its stream's own ``samples`` (n, channels) in ``unit``.

    ``samples`` are NaN where there is no value and come at ``rate`` Hz (0: irregular); ``missing`` is the share
    of grid slots without a value. All figures but the first two are about channels that have values.

    Returns
    -------
    dict
        ``missing`` as given. ``nan``: share of samples that are no number. ``flat``: share of channels that keep
        one value. ``railed``: share of neighbouring samples that both lie at their channel's highest or both at
        its lowest value, 0 in channels that are flat. ``line``: share of the variance about the trend that is at
        50 or at 60 Hz, the larger; 0 below 2.5 times that rate. ``range``: median peak-to-peak over channels, in
        ``unit``. ``slope``: largest change per second, in ``unit``/s. ``out_of_range``: share of samples outside
        the plausible range. ``steep``: share of channels whose slope is not plausible. ``score``: see `score`.
    """
    limits, pace = LIMITS[modality], rate or len(samples) / span
    blocks, holes = [np.zeros((len(_FIGURES), 0))], 0
    for first in range(0, samples.shape[1] if len(samples) else 0, _AT_ONCE):
        channels = _rows(samples, first)
        empty = _count(np.isnan(channels))
        holes += int(empty.sum())
        valued = channels[empty < channels.shape[1]]
        if len(valued):
            blocks.append(_figures(limits, valued, rate, pace, unit))
    nan = holes / samples.size if samples.size else 0.0
    found = {"missing": missing, "nan": nan, **_together(np.concatenate(blocks, axis=1))}
    return {"score": score(modality, found), **found}


def score(modality: str, found: dict[str, float]) -> float:
    """Overall quality, 0 (useless) to 1 (nothing found), that falls with each fault in ``found``.

    (1 - max(missing, nan)) * (1 - steep) * (1 - out_of_range / 0.4, at least 0) * (1 - flat) * (1 - railed) *
    (1 - line), of the last three only those that are counted for the modality.
    """
    value = (1 - max(found["missing"], found["nan"])) * (1 - found["steep"])
    value *= max(0.0, 1 - found["out_of_range"] / _BEARABLE)
    for fault in LIMITS[modality].counted:
        value *= 1 - found[fault]
    return value


def bad_channels(modality: str, samples: Values, unit: str) -> NDArray[np.bool_]:
    """Channels (channels,) of ``samples`` (n, channels) in ``unit`` that are dead: flat or railed throughout.

    Never where the modality may stand still, nor where a channel has too few values to tell.
    """
    limits = LIMITS[modality]
    dead = np.zeros(samples.shape[1], dtype=bool)
    if "railed" not in limits.counted or len(samples) < _FEW:
        return dead
    for first in range(0, len(dead), _AT_ONCE):
        channels = _rows(samples, first)
        known, known_limits = _comparable(limits, channels, unit)
        flat, railed = _standing(known, known_limits.still)
        enough = channels.shape[1] - _count(np.isnan(channels)) >= _FEW
        dead[first : first + _AT_ONCE] = enough & (flat | (railed >= _STUCK))
    return dead


def _rows(samples: Values, first: int) -> Values:
    """Return a copy (channels, n) of columns of ``samples`` (n, channels): a channel's samples side by side."""
    return np.array(samples[:, first : first + _AT_ONCE].T, order="C")


def _count(true: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count what is true in each row of ``true`` (channels, n), (channels,)."""
    if not np.count_nonzero(true):  # the rule, and ten times as fast as the sums
        return np.zeros(len(true), dtype=np.int64)
    return np.asarray(true.sum(axis=1, dtype=np.int64))


def _comparable(limits: Limits, channels: Values, unit: str) -> tuple[Values, Limits]:
    known = comparable(limits, channels, unit)
    return (channels, limits.relative) if known is None else (known, limits)


def _figures(limits: Limits, channels: Values, rate: float, pace: float, unit: str) -> Values:
    """Return the figures (figures, channels) of ``channels`` (channels, n), which it spoils; each has a value."""
    spread, slopes = _spread(channels), _slopes(channels, limits.step, pace)
    known, limits = _comparable(limits, channels, unit)
    steep = (slopes if known is channels else _slopes(known, limits.step, pace)) > limits.slope
    level = _level(known)
    known -= level
    flat, railed = _standing(known, limits.still)
    outside = _outside(limits, known, level)
    np.copyto(known, 0.0, where=np.isnan(known))  # a hole adds nothing to a tone
    return np.stack([flat, railed, _line(known, rate), spread, slopes, outside, steep])


def _together(figures: Values) -> dict[str, float]:
    """One number for all channels of each of ``figures`` (figures, channels); 0 where there is no channel."""
    if not figures.shape[1]:
        return dict.fromkeys(_FIGURES, 0.0)
    means = dict(zip(_FIGURES, figures.mean(axis=1).tolist(), strict=True))
    spread, slopes = figures[_FIGURES.index("range")], figures[_FIGURES.index("slope")]
    return {**means, "range": float(np.median(spread)), "slope": float(slopes.max())}


def _level(channels: Values) -> Values:
    """Mean (channels, 1) of ``channels`` (channels, n) over what is a number."""
    level: Values = np.mean(channels, axis=1, keepdims=True)
    return np.nanmean(channels, axis=1, keepdims=True) if np.isnan(level).any() else level


def _spread(channels: Values) -> Values:
    """Peak-to-peak range (channels,) of ``channels`` (channels, n)."""
    spread: Values = np.fmax.reduce(channels, axis=1) - np.fmin.reduce(channels, axis=1)
    return spread


def _slopes(channels: Values, step: float, pace: float) -> Values:
    """Largest change per second (channels,) over ``step`` s of ``channels`` (channels, n) at ``pace`` Hz."""
    apart = min(max(1, round(step * pace)), channels.shape[1] - 1)
    if apart < 1:
        return np.zeros(len(channels))
    changes = channels[:, apart:] - channels[:, :-apart]
    largest = np.fmax(np.fmax.reduce(changes, axis=1), -np.fmin.reduce(changes, axis=1))
    slopes: Values = np.nan_to_num(largest) * pace / apart  # NaN: no two values are that far apart
    return slopes


def _standing(channels: Values, still: float) -> tuple[NDArray[np.bool_], Values]:
    """Tell which of ``channels`` (channels, n) are flat, and the others' share of neighbours at an extreme."""
    if channels.shape[1] < _FEW:
        return np.zeros(len(channels), dtype=bool), np.zeros(len(channels))
    high, low = np.fmax.reduce(channels, axis=1), np.fmin.reduce(channels, axis=1)
    flat = high - low <= still
    pairs = np.zeros(len(channels))
    for extreme in (high, low):
        at = channels == extreme[:, None]
        pairs += _count(at[:, 1:] & at[:, :-1])
    return flat, np.where(flat, 0.0, pairs / (channels.shape[1] - 1))


def _outside(limits: Limits, centred: Values, level: Values) -> Values:
    """Share of values out of range (channels,) of ``centred`` (channels, n) + ``level`` (channels, 1)."""
    if np.isinf(limits.high):
        return np.zeros(len(centred))
    shift = 0.0 if limits.centred else level
    outside = _count((centred <= limits.low - shift) | (centred >= limits.high - shift))
    share: Values = outside / (centred.shape[1] - _count(np.isnan(centred)))
    return share


def _line(centred: Values, rate: float) -> Values:
    """Share of the variance about the trend (channels,) of ``centred`` (channels, n) that is mains."""
    shares = np.zeros(len(centred))
    power = np.einsum("ij,ij->i", centred, centred)
    for basis in _bases(centred.shape[1], rate):
        parts = (centred @ basis) ** 2  # (channels, trend 2 + tone 2)
        rest = power - parts[:, :2].sum(axis=1)
        tone = parts[:, 2:].sum(axis=1)
        shares = np.maximum(shares, np.divide(tone, rest, out=np.zeros_like(tone), where=rest > 1e-9 * power))
    return np.minimum(shares, 1.0)


@lru_cache(maxsize=64)
def _bases(samples: int, rate: float) -> tuple[Values, ...]:
    """Orthonormal bases (samples, 4) of level, ramp and a tone, one for each mains frequency that is visible."""
    visible = [mains for mains in MAINS if rate >= 2.5 * mains and samples >= _FEW]
    trend = (np.ones(samples), np.linspace(-1, 1, samples))
    phases = [2 * np.pi * mains * np.arange(samples) / rate for mains in visible]
    return tuple(np.linalg.qr(np.stack([*trend, np.sin(p), np.cos(p)], axis=1))[0] for p in phases)
