"""The streams of an XDF file as signals and texts; which are left out, and why."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.kinds import described
from memhacl.stream.signals import MODALITIES, Origin, Signal, StreamFormat, Texts
from memhacl.stream.sources.xdf_file import Stream

_log = logging.getLogger(__name__)
_FAR = 6 * 3600.0  # s between two streams, or two samples, of one session that only another clock explains
_SYNC = 1e-3  # s; clocks nearer than this need no correction
_BACK = 1.0  # s; jitter and packets do not set a stamp back by as much
_OFF = 0.02  # share by which a device's rate may miss its nominal one without being another
_ENOUGH = 100  # steps from which the rate is measured
_GAP = 10  # typical steps; a longer one is a gap

Recorded = Signal | Texts


def read_streams(found: Sequence[Stream], where: str) -> tuple[tuple[Recorded, ...], bool]:
    """Return the streams that hold samples on one clock, and whether any says that it is simulated.

    ``found`` is what pyxdf returns of file ``where``, which the log names with all that is left out or changed.
    """
    streams = [stream for raw in found if (stream := _stream(raw, where)) is not None]
    simulated = any(_text(_child(_desc(raw), "memhacl"), "simulated") == "true" for raw in found)
    _say_unsynchronised(found, where)
    return tuple(_on_one_clock(streams, where)), simulated


def _stream(raw: Stream, where: str) -> Recorded | None:
    info = raw["info"]
    times = np.asarray(raw["time_stamps"], dtype=np.float64)
    form = _format(info, _desc(raw))
    usable = _usable(times)
    if not usable.any():
        _leave_out(where, form, "it holds no samples")
        return None
    if not usable.all():
        _log.warning(
            "%s: stream '%s': %d of %d samples are left out: their times are none, or hours away from the others'",
            where, form.name, (~usable).sum(), len(usable),
        )  # fmt: skip
    times = times[usable]
    _say_backwards(times, form, where)
    origin = Origin(_text(info, "type"), _text(info, "source_id"))
    if _text(info, "channel_format") == "string":
        return Texts(form, tuple(map(tuple, compress(raw["time_series"], usable))), times, origin)
    with np.errstate(over="ignore", invalid="ignore"):  # what is no number is missing to the signal path
        data = np.asarray(raw["time_series"])[usable].astype(np.float32)
    return Signal(_measured(form, times, where), data, float(times[0]), times, origin)


def _usable(times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of ``times`` (samples,) are on the clock that most of them are on."""
    usable = np.isfinite(times)
    numbers = np.flatnonzero(usable)
    parts = np.split(numbers, np.flatnonzero(np.abs(np.diff(times[numbers])) > _FAR) + 1)
    longest = times[max(parts, key=len)]
    if len(longest):
        usable[usable] = np.abs(times[usable] - np.median(longest)) <= np.ptp(longest) + _FAR
    return usable


def _format(info: Mapping[str, Any], desc: object) -> StreamFormat:
    channels = _child(desc, "channels")
    listed = channels.get("channel", []) if isinstance(channels, Mapping) else []
    keys = ("label", "name", "unit", "type")
    form, _ = described(
        _text(info, "name") or _text(info, "type") or f"stream {info['stream_id']}",
        _text(info, "type"),
        float(_text(info, "nominal_srate")),
        int(_text(info, "channel_count")),
        [{key: _text(channel, key) for key in keys} for channel in listed],
        _text(_child(desc, "memhacl"), "already_done"),
    )
    return form


def _desc(raw: Stream) -> object:
    return _child(raw["info"], "desc")


def _child(node: object, key: str) -> object:
    """Return the first child of a node of pyxdf's dictionaries of lists; None where there is none."""
    children = node.get(key) if isinstance(node, Mapping) else None
    return children[0] if children else None


def _text(node: object, key: str) -> str:
    child = _child(node, key)
    return child.strip() if isinstance(child, str) else ""


def _measured(form: StreamFormat, times: NDArray[np.float64], where: str) -> StreamFormat:
    """Return ``form`` with the rate that its stamps have where that is plainly not the nominal one."""
    steps = np.diff(times)
    if form.rate == 0 or len(steps) < _ENOUGH:
        return form
    typical = float(np.median(steps))
    if typical <= 0:  # packets of one stamp say nothing about single samples
        return form
    mean = float(steps[np.abs(steps) < _GAP * typical].mean())
    # lost samples lengthen the mean, not the median; packets shorten the median, not the mean
    off = min(abs(typical * form.rate - 1), abs(mean * form.rate - 1))
    if off <= _OFF or abs(typical / mean - 1) > _OFF:
        return form
    rate = round(1 / mean, 3)
    _log.warning(
        "%s: stream '%s' says %g Hz, but its stamps come at %g Hz: that rate is used",
        where, form.name, form.rate, rate,
    )  # fmt: skip
    return replace(form, rate=rate)


def _say_backwards(times: NDArray[np.float64], form: StreamFormat, where: str) -> None:
    jumps = np.flatnonzero(np.diff(times) < -_BACK)
    if len(jumps):
        _log.warning(
            "%s: stream '%s': its clock was set back at %.3f s (%d times in all), and the file holds no clock "
            "offsets that tell by how much", where, form.name, times[jumps[0]], len(jumps),
        )  # fmt: skip


def _say_unsynchronised(found: Sequence[Stream], where: str) -> None:
    offsets = [abs(value) for raw in found for value in raw["clock_values"]]
    if max(offsets, default=0.0) < _SYNC:
        return
    for raw in found:
        if len(raw["time_stamps"]) and not raw["clock_values"]:
            _log.warning(
                "%s: stream '%s' has no clock offsets, others have: its times are taken as they are",
                where, _text(raw["info"], "name"),
            )  # fmt: skip


def _on_one_clock(streams: Sequence[Recorded], where: str) -> list[Recorded]:
    """Leave out what lies far from the stream that counts most: it was stamped by another clock."""
    if not streams:
        return []
    chief = max(streams, key=_weight)
    kept = []
    for stream in streams:
        away = max(stream.start - chief.end, chief.start - stream.end)
        if away > _FAR:
            before = "before" if stream.end < chief.start else "after"
            _leave_out(
                where,
                stream.format,
                f"its stamps lie {away:.0f} s {before} those of '{chief.format.name}': they are of another clock",
            )
        else:
            kept.append(stream)
    return kept


def _weight(stream: Recorded) -> tuple[bool, bool, int]:
    known = stream.format.modality in MODALITIES
    return known, isinstance(stream, Signal), len(stream.data) if isinstance(stream, Signal) else len(stream.rows)


def _leave_out(where: str, form: StreamFormat, why: str) -> None:
    _log.warning("%s: stream '%s' (%s) is left out: %s", where, form.name, form.modality or "no type", why)
