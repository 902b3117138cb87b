"""What a stream says of itself, in this project's words: the same rules for live streams and recorded ones."""

from collections.abc import Mapping, Sequence

from memhacl.stream.signals import MARKERS, StreamFormat
from memhacl.stream.units import MIXED, UNSTATED, unit_of

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
_TYPE_OF = {spelling: name for name, spellings in _TYPES.items() for spelling in spellings}


def modality_of(type_text: str) -> str:
    """Return the project's name of an LSL content type; an unknown type comes back as it is."""
    folded = "".join(type_text.casefold().split()).replace("_", "").replace("-", "")
    return _TYPE_OF.get(folded, type_text.strip())


def described(
    name: str, type_text: str, rate: float, count: int, listed: Sequence[Mapping[str, str]], done: str = ""
) -> tuple[StreamFormat, tuple[str, ...]]:
    """Return the format of a stream of ``count`` channels at ``rate`` Hz, and what had to be made up ('labels').

    ``listed`` holds label, name, unit and type of each channel in the stream's description; ``done`` is what its
    owner did to the signal, between commas.
    """
    modality = modality_of(type_text)
    if len(listed) != count:  # a list of another length belongs to other channels: it names none
        listed = [{}] * count
    labels = tuple((channel.get("label") or channel.get("name", "")).strip() for channel in listed)
    labelled = all(labels)
    if not labelled:
        labels = tuple(f"{modality}{number}" for number in range(1, count + 1))
    types = tuple(channel.get("type", "").strip() for channel in listed)
    kinds = tuple(modality_of(kind or type_text) for kind in types) if any(types) else ()
    units = tuple(
        unit_of(channel.get("unit", ""), kind)
        for channel, kind in zip(listed, kinds or (modality,) * count, strict=True)
    )
    same = len(set(units)) <= 1
    words = tuple(word.strip() for word in done.split(",") if word.strip())
    unit = (units[0] if units else UNSTATED) if same else MIXED
    form = StreamFormat(name, modality, labels, unit, rate, words, () if same else units, kinds)
    return form, () if labelled else ("labels",)
