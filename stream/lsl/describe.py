"""StreamFormat <-> pylsl.StreamInfo, in the XDF conventions; reading tolerates other people's spellings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pylsl

from memhacl.stream.kinds import described
from memhacl.stream.signals import MARKERS, StreamFormat


@dataclass(frozen=True)
class Described:
    """What a stream says of itself, in this project's words.

    ``format.unit`` is 'unstated' where the stream names none and 'mixed' where its channels differ. ``assumed``
    lists what had to be made up ('labels'). ``text`` is True for string streams.
    """

    format: StreamFormat
    assumed: tuple[str, ...] = ()
    simulated: bool = False
    text: bool = False


def make_info(
    format: StreamFormat, *, source_id: str, simulated: bool = False, rate: float | None = None
) -> pylsl.StreamInfo:
    """Describe a float32 stream of ``format``; ``rate`` (Hz) replaces the format's where it is played slower."""
    nominal, count = format.rate if rate is None else rate, len(format.channels)
    info = pylsl.StreamInfo(format.name, format.modality, count, nominal, pylsl.cf_float32, source_id)
    _describe(
        info,
        format.channels,
        units=format.units or (format.unit,) * count,
        kinds=format.kinds or (format.modality,) * count,
    )
    ours = info.desc().append_child("memhacl")
    ours.append_child_value("already_done", ",".join(format.already_done))
    ours.append_child_value("simulated", "true" if simulated else "false")
    return info


def make_marker_info(name: str, *, source_id: str) -> pylsl.StreamInfo:
    """Describe a stream of event texts: one string channel, irregular rate, type Markers."""
    return pylsl.StreamInfo(name, MARKERS, 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, source_id)


def make_prediction_info(name: str, labels: Sequence[str], *, source_id: str, simulated: bool) -> pylsl.StreamInfo:
    """Describe a stream of predictions: one float32 channel a label, a sample a window, type Emotion."""
    info = pylsl.StreamInfo(name, "Emotion", len(labels), pylsl.IRREGULAR_RATE, pylsl.cf_float32, source_id)
    _describe(info, labels, units=("probability",) * len(labels), kinds=("Emotion",) * len(labels))
    info.desc().append_child("memhacl").append_child_value("simulated", "true" if simulated else "false")
    return info


def _describe(
    info: pylsl.StreamInfo, labels: Sequence[str], *, units: Sequence[str], kinds: Sequence[str]
) -> None:
    channels = info.desc().append_child("channels")
    for label, unit, kind in zip(labels, units, kinds, strict=True):
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", unit)
        channel.append_child_value("type", kind)


def read_info(info: pylsl.StreamInfo) -> Described:
    """Read what a stream says of itself; ``info`` is the full one, from an inlet."""
    ours = info.desc().child("memhacl")
    form, assumed = described(
        info.name(),
        info.type(),
        info.nominal_srate(),
        info.channel_count(),
        _channels(info),
        ours.child_value("already_done"),
    )
    return Described(
        form,
        assumed,
        simulated=ours.child_value("simulated") == "true",
        text=info.channel_format() == pylsl.cf_string,
    )


def _channels(info: Any) -> list[dict[str, str]]:
    channels, node = [], info.desc().child("channels").child("channel")
    while not node.empty():
        channels.append({key: node.child_value(key) for key in ("label", "name", "unit", "type")})
        node = node.next_sibling("channel")
    return channels
