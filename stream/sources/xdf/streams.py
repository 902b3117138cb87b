"""The streams of an XDF file as signals and texts; which are left out, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.kinds import described
from memhacl.stream.signals import MODALITIES, Origin, Signal, StreamFormat, Texts
from memhacl.stream.sources.formats.xdf_file import Stream

_FAR = 6 * 3600.0  # s between two streams, or two samples, of one session that only another clock explains
_SYNC = 1e-3  # s; clocks nearer than this need no correction
_BACK = 1.0  # s; jitter and packets do not set a stamp back by as much
_OFF = 0.02  # share by which a device's rate may miss its nominal one without being another
_ENOUGH = 100  # steps from which the rate is measured
_GAP = 10  # typical steps; a longer one is a gap

Recorded = Signal | Texts


def read_streams(found: Sequence[Stream]) -> tuple[tuple[Recorded, ...], bool, list[str]]:
    """Return the streams that hold samples on one clock, and whether any says that it is simulated.

    ``found`` is what pyxdf returns of a file. Sentences say all that is left out or changed.
    """
    notes: list[str] = []
    streams = [stream for raw in found if (stream := _stream(raw, notes)) is not None]
    simulated = any(_text(_child(_desc(raw), "memhacl"), "simulated") == "true" for raw in found)
    notes += _unsynchronised(found)
    return tuple(_on_one_clock(streams, notes)), simulated, notes


def _stream(raw: Stream, notes: list[str]) -> Recorded | None:
    info = raw["info"]
    times = np.asarray(raw["time_stamps"], dtype=np.float64)
    form = _format(info, _desc(raw))
    usable = _usable(times)
    if not usable.any():
        notes.append(_left_out(form, "it holds no samples"))
        return None
    if not usable.all():
        notes.append(
            f"stream '{form.name}': {(~usable).sum()} of {len(usable)} samples are left out: their times are "
            "none, or hours away from the others'"
        )
    times = times[usable]
    notes += _set_back(times, form)
    origin = Origin(_text(info, "type"), _text(info, "source_id"))
    if _text(info, "channel_format") == "string":
        return Texts(form, tuple(map(tuple, compress(raw["time_series"], usable))), times, origin)
    with np.errstate(over="ignore", invalid="ignore"):  # what is no number is missing to the signal path
        data = np.asarray(raw["time_series"])[usable].astype(np.float32)
    return Signal(_measured(form, times, notes), data, float(times[0]), times, origin)


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


def _measured(form: StreamFormat, times: NDArray[np.float64], notes: list[str]) -> StreamFormat:
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
    notes.append(
        f"stream '{form.name}' says {form.rate:g} Hz, but its stamps come at {rate:g} Hz: that rate is used"
    )
    return replace(form, rate=rate)


def _set_back(times: NDArray[np.float64], form: StreamFormat) -> Iterator[str]:
    jumps = np.flatnonzero(np.diff(times) < -_BACK)
    if len(jumps):
        yield (
            f"stream '{form.name}': its clock was set back at {times[jumps[0]]:.3f} s ({len(jumps)} times in "
            "all), and the file holds no clock offsets that tell by how much"
        )


def _unsynchronised(found: Sequence[Stream]) -> Iterator[str]:
    offsets = [abs(value) for raw in found for value in raw["clock_values"]]
    if max(offsets, default=0.0) < _SYNC:
        return
    for raw in found:
        if len(raw["time_stamps"]) and not raw["clock_values"]:
            name = _text(raw["info"], "name")
            yield f"stream '{name}' has no clock offsets, others have: its times are taken as they are"


def _on_one_clock(streams: Sequence[Recorded], notes: list[str]) -> list[Recorded]:
    """Leave out what lies far from the stream that counts most: it was stamped by another clock."""
    if not streams:
        return []
    chief = max(streams, key=_weight)
    kept = []
    for stream in streams:
        away = max(stream.start - chief.end, chief.start - stream.end)
        if away > _FAR:
            before = "before" if stream.end < chief.start else "after"
            why = f"its stamps lie {away:.0f} s {before} those of '{chief.format.name}': they are of another clock"
            notes.append(_left_out(stream.format, why))
        else:
            kept.append(stream)
    return kept


def _weight(stream: Recorded) -> tuple[bool, bool, int]:
    known = stream.format.modality in MODALITIES
    return known, isinstance(stream, Signal), len(stream.data) if isinstance(stream, Signal) else len(stream.rows)


def _left_out(form: StreamFormat, why: str) -> str:
    return f"stream '{form.name}' ({form.modality or 'no type'}) is left out: {why}"
