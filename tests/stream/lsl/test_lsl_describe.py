import pylsl
import pytest

from memhacl.stream.kinds import modality_of
from memhacl.stream.lsl.describe import make_info, read_info
from memhacl.stream.signals import StreamFormat


@pytest.mark.parametrize(
    ("spelling", "modality"),
    [
        ("EEG", "EEG"),
        ("eeg", "EEG"),
        ("EDA", "GSR"),
        ("Skin Conductance", "GSR"),
        ("RESP", "Resp"),
        ("Respiration", "Resp"),
        ("temperature", "Temp"),
        ("SKT", "Temp"),
        ("PPG", "BVP"),
        ("Plet", "BVP"),
        ("Marker", "Markers"),
        ("Gaze", "Gaze"),
    ],
)
def test_types_of_other_programs_are_known(spelling: str, modality: str) -> None:
    assert modality_of(spelling) == modality


def test_a_format_survives_being_described() -> None:
    done = ("bandpass", "average-reference")
    format = StreamFormat("n", "EEG", ("Fp1", "Cz"), "uV", 128.0, done, kinds=("EEG", "EEG"))
    described = read_info(make_info(format, source_id="s", simulated=True))
    assert described.format == format
    assert described.simulated
    assert not described.assumed


def test_unlabelled_channels_are_numbered_and_said_to_be() -> None:
    described = read_info(pylsl.StreamInfo("amp", "eeg", 3, 250.0, "int16", "s"))
    assert described.format == StreamFormat("amp", "EEG", ("EEG1", "EEG2", "EEG3"), "unstated", 250.0)
    assert described.assumed == ("labels",)
    assert not described.simulated


def test_labels_for_another_number_of_channels_are_not_used() -> None:
    info = pylsl.StreamInfo("amp", "EEG", 2, 250.0, "float32", "s")
    channels = info.desc().append_child("channels")
    for label in ("Fz", "Cz", "Pz"):
        channels.append_child("channel").append_child_value("label", label)
    described = read_info(info)
    assert described.format.channels == ("EEG1", "EEG2")
    assert described.assumed == ("labels",)


def test_channels_of_several_units_and_kinds_survive_being_described() -> None:
    format = StreamFormat("n", "EEG", ("Cz", "hand"), "mixed", 0.0, (), ("uV", "uS"), ("EEG", "GSR"))
    assert read_info(make_info(format, source_id="s")).format == format


def test_channels_of_several_units_say_so() -> None:
    info = pylsl.StreamInfo("amp", "EEG", 2, 250.0, "float32", "s")
    info.set_channel_labels(["Fz", "skin"])
    info.set_channel_units(["microvolts", "uS"])
    format = read_info(info).format
    assert (format.unit, format.units, format.kinds) == ("mixed", ("uV", "uS"), ())


def test_channels_of_several_kinds_say_so() -> None:
    info = pylsl.StreamInfo("amp", "EEG", 3, 250.0, "float32", "s")
    info.set_channel_types(["eeg", "EDA", "accelerometer"])
    info.set_channel_units(["-6", "-6", "g"])
    format = read_info(info).format
    assert format.kinds == ("EEG", "GSR", "accelerometer")
    assert format.units == ("uV", "uS", "g")  # a power of ten is one of the channel's own kind
