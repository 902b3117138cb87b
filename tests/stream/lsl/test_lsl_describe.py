import pylsl
import pytest

from memhacl.stream.lsl.describe import make_info, modality_of, read_info, unit_of
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


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [
        ("microvolts", "uV"),
        ("\u00b5V", "uV"),  # micro sign
        ("\u03bcV", "uV"),  # Greek mu
        ("UV", "uV"),
        ("Millivolts", "mV"),
        ("volts", "V"),
        ("microsiemens", "uS"),
        ("\u00b5S", "uS"),
        ("kOhm", "kohm"),
        ("k\u03a9", "kohm"),
        ("\u2126", "ohm"),  # ohm sign
        ("\u00b0C", "degC"),
        ("degrees Celsius", "degC"),
        ("a.u.", "a.u."),
        ("arbitrary", "arbitrary"),
        ("", "unstated"),
        ("none", "unstated"),
        ("furlong", "furlong"),
    ],
)
def test_units_of_other_programs_are_known(spelling: str, unit: str) -> None:
    assert unit_of(spelling) == unit


def test_a_power_of_ten_is_one_of_the_modalitys_unit() -> None:
    assert unit_of("-6", "EEG") == "uV"
    assert unit_of("-6", "GSR") == "uS"
    assert unit_of("0", "EEG") == "unstated"


def test_a_format_survives_being_described() -> None:
    format = StreamFormat("n", "EEG", ("Fp1", "Cz"), "uV", 128.0, ("bandpass", "average-reference"))
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


def test_channels_of_several_units_say_so() -> None:
    info = pylsl.StreamInfo("amp", "EEG", 2, 250.0, "float32", "s")
    info.set_channel_labels(["Fz", "skin"])
    info.set_channel_units(["microvolts", "uS"])
    described = read_info(info)
    assert described.format.unit == "mixed"
    assert described.units == ("uV", "uS")
