"""StreamFormat <-> pylsl.StreamInfo, in the XDF conventions; reading tolerates other people's spellings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pylsl

from memhacl.stream.signals import StreamFormat

MARKERS = "Markers"
UNSTATED = "unstated"
MIXED = "mixed"

_TYPES = {
    "EEG": ("eeg", "electroencephalography"),
    "GSR": ("gsr", "eda", "scr", "scl", "electrodermal", "electrodermalactivity", "skinconductance"),
    "Resp": ("resp", "respiration", "rsp", "breath", "breathing"),
    "Temp": ("temp", "temperature", "skt", "skintemp", "skintemperature"),
    "ECG": ("ecg", "ekg"),
    "BVP": ("bvp", "ppg", "plet", "pleth", "plethysmograph", "pulse"),
    "EOG": ("eog",),
    "EMG": ("emg",),
    MARKERS: ("markers", "marker", "events", "event", "stim", "trigger", "triggers"),
}
_UNITS = {
    "uV": ("uv", "microvolt", "microvolts"),
    "mV": ("mv", "millivolt", "millivolts"),
    "V": ("v", "volt", "volts"),
    "uS": ("us", "usiemens", "microsiemens", "umho"),
    "ohm": ("ohm", "ohms"),
    "kohm": ("kohm", "kohms", "kiloohm", "kiloohms"),
    "degC": ("degc", "c", "celsius", "degreescelsius", "degreecelsius", "degreesc"),
    "a.u.": ("a.u.", "au", "a.u"),
    "arbitrary": ("arbitrary", "arb", "arbitraryunit", "arbitraryunits"),
    UNSTATED: ("", "unstated", "none", "n/a", "na", "unknown", "0"),
}
# A number is a power of ten of the SI unit (MNE's convention); 0 may mean "none" there, so it says nothing.
_POWERS = {"-6": {"GSR": "uS", "": "uV"}, "-3": {"": "mV"}}
_TYPE_OF = {spelling: name for name, spellings in _TYPES.items() for spelling in spellings}
_UNIT_OF = {spelling: name for name, spellings in _UNITS.items() for spelling in spellings}


@dataclass(frozen=True)
class Described:
    """What a stream says of itself, in this project's words.

    ``format.unit`` is 'unstated' where the stream names none and 'mixed' where its channels differ (``units``
    has them one by one). ``assumed`` lists what had to be made up ('labels'). ``text`` is True for string
    streams.
    """

    format: StreamFormat
    units: tuple[str, ...]
    assumed: tuple[str, ...] = ()
    simulated: bool = False
    text: bool = False


def modality_of(type_text: str) -> str:
    """Return the project's name of an LSL content type; an unknown type comes back as it is."""
    folded = "".join(type_text.casefold().split()).replace("_", "").replace("-", "")
    return _TYPE_OF.get(folded, type_text.strip())


def unit_of(unit_text: str, modality: str = "") -> str:
    """Return the project's spelling of a unit ('microvolts' -> 'uV'); an unknown unit comes back as it is."""
    stripped = unit_text.strip()
    if stripped in _POWERS:
        powers = _POWERS[stripped]
        return powers.get(modality, powers[""])
    folded = "".join(stripped.casefold().split())
    for special, plain in (("\u03bc", "u"), ("\u00b0", "deg"), ("\u03c9", "ohm")):  # casefolded µ, degree, Ω
        folded = folded.replace(special, plain)
    return _UNIT_OF.get(folded, stripped)


def make_info(
    format: StreamFormat, *, source_id: str, simulated: bool = False, rate: float | None = None
) -> pylsl.StreamInfo:
    """Describe a float32 stream of ``format``; ``rate`` (Hz) replaces the format's where it is played slower."""
    nominal = format.rate if rate is None else rate
    info = pylsl.StreamInfo(
        format.name, format.modality, len(format.channels), nominal, pylsl.cf_float32, source_id
    )
    _describe(info, format.channels, format.unit, format.modality)
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
    _describe(info, labels, "probability", "Emotion")
    info.desc().append_child("memhacl").append_child_value("simulated", "true" if simulated else "false")
    return info


def _describe(info: pylsl.StreamInfo, labels: Sequence[str], unit: str, kind: str) -> None:
    channels = info.desc().append_child("channels")
    for label in labels:
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", unit)
        channel.append_child_value("type", kind)


def read_info(info: pylsl.StreamInfo) -> Described:
    """Read what a stream says of itself; ``info`` is the full one, from an inlet."""
    modality, count = modality_of(info.type()), info.channel_count()
    channels = _channels(info)
    listed = len(channels) == count  # a list of another length belongs to other channels: it names none
    labels = tuple(channel["label"] or channel["name"] for channel in channels) if listed else ()
    labelled = listed and all(labels)
    if not labelled:
        labels = tuple(f"{modality}{number}" for number in range(1, count + 1))
    units = tuple(unit_of(channel["unit"], modality) for channel in channels) if listed else (UNSTATED,) * count
    ours = info.desc().child("memhacl")
    done = tuple(word.strip() for word in ours.child_value("already_done").split(",") if word.strip())
    unit = units[0] if len(set(units)) == 1 else MIXED
    return Described(
        StreamFormat(info.name(), modality, labels, unit, info.nominal_srate(), done),
        units,
        assumed=() if labelled else ("labels",),
        simulated=ours.child_value("simulated") == "true",
        text=info.channel_format() == pylsl.cf_string,
    )


def _channels(info: Any) -> list[dict[str, str]]:
    channels, node = [], info.desc().child("channels").child("channel")
    while not node.empty():
        channels.append({key: node.child_value(key).strip() for key in ("label", "name", "unit")})
        node = node.next_sibling("channel")
    return channels
