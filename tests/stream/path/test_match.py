"""What a stream is taken for, channel by channel, and what is refused with which words."""

import numpy as np
import pytest

from memhacl.stream.errors import StreamError
from memhacl.stream.path.match import match
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import Conditioning, ModalitySpec

TEN = ("F3", "F4", "C3", "C4", "P7", "P8", "O1", "O2", "T7", "T8")


def wanted(modality: str = "EEG", channels: tuple[str, ...] = TEN, unit: str = "uV", **changes) -> ModalitySpec:
    return ModalitySpec(modality=modality, channels=channels, unit=unit, **changes)


def stream(channels: tuple[str, ...] = TEN, unit: str = "uV", rate: float = 250.0, **changes) -> StreamFormat:
    return StreamFormat("amp", changes.pop("modality", "EEG"), channels, unit, rate, **changes)


def skin(channels: tuple[str, ...], unit: str = "uS", rate: float = 32.0, **changes) -> StreamFormat:
    return StreamFormat("band", "GSR", channels, unit, rate, **changes)


GSR = wanted("GSR", ("GSR",), "uS")


def test_channels_are_found_by_label_however_they_are_ordered_and_spelt() -> None:
    labels = ("EEG T3-REF", "t4", "O2.", "O1", "EEG:T6", "E-P7", "C4-A1", "EEG_C3", "F4", "f3", "EKG")
    found = match(wanted(), stream(labels))
    assert found.columns.tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 0, 1]
    samples = np.arange(22, dtype=np.float32).reshape(2, 11)
    np.testing.assert_array_equal(found.read(samples), samples[:, found.columns])
    (said,) = found.assumed
    assert said.startswith("EEG: labels read: ")
    assert "'EEG T3-REF' as T7" in said
    assert "'f3'" not in said  # case is no assumption


@pytest.mark.parametrize("labels", [("T3", "T7"), ("Cz", "cz"), ("EEG O1-REF", "O1")])
def test_two_channels_that_are_one_electrode_are_refused_by_name(labels: tuple[str, str]) -> None:
    model = wanted(channels=("T7", "Cz", "O1", "F3", "F4"))
    with pytest.raises(StreamError, match=f"expected one channel for EEG .*found '{labels[0]}' and '{labels[1]}'"):
        match(model, stream((*labels, "F3", "F4")))


def test_of_two_channels_with_one_label_the_one_of_the_kind_is_meant() -> None:
    found = match(wanted(channels=("O1",)), stream(("O1", "O1"), kinds=("impedance", "EEG")))
    assert found.columns.tolist() == [1]


def test_few_missing_electrodes_are_left_to_interpolation() -> None:
    found = match(wanted(), stream(TEN[2:]))
    assert found.missing == ("F3", "F4")
    assert found.columns[:2].tolist() == [-1, -1]
    assert found.assumed == ("EEG: F3, F4 are interpolated from the others (the stream lacks them)",)
    values = found.read(np.ones((3, 8), np.float32))
    np.testing.assert_array_equal(np.isnan(values), np.tile([True] * 2 + [False] * 8, (3, 1)))
    (said,) = match(wanted(), stream(tuple(c for c in TEN if c != "O2"))).assumed
    assert said == "EEG: O2 is interpolated from the others (the stream lacks it)"


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        (wanted(), TEN[3:]),  # three of ten
        (wanted(interpolate=0.0), TEN[1:]),
        (wanted(channels=(*TEN, "A1")), (*TEN[1:], "A1")),  # an ear has no place on the sphere
        (wanted(channels=TEN[:3], interpolate=0.5), TEN[1:3]),  # too few to speak of a field
        (wanted("EOG", TEN), TEN[1:]),
    ],
)
def test_more_missing_ones_are_refused(model: ModalitySpec, labels: tuple[str, ...]) -> None:
    with pytest.raises(StreamError, match=r"missing: F3.*label the outlet's channels"):
        match(model, stream(labels))


@pytest.mark.parametrize(
    ("labels", "kinds", "column"),
    [
        (("EDA 1",), (), 0),
        (("left hand",), ("GSR",), 0),
        (("x", "y", "hand"), ("Accelerometer", "Accelerometer", "GSR"), 2),
        (("Temp", "EDA", "BVP"), (), 1),
        (("a", "b"), ("Markers", "misc"), 1),
        (("gsr", "GSR raw"), ("GSR", "GSR"), 0),
    ],
)
def test_a_single_channel_is_found_by_label_or_kind_or_as_the_only_one(labels, kinds, column) -> None:
    found = match(GSR, skin(labels, kinds=kinds))
    assert found.columns.tolist() == [column]
    assert found.assumed == (
        () if labels[column] == "gsr" else (f"GSR: the stream's channel '{labels[column]}' is taken for GSR",)
    )


@pytest.mark.parametrize(
    ("labels", "kinds", "says"),
    [
        (("left", "right"), (), r"found 2 \(left, right\); missing: GSR"),
        (("EDA1", "EDA2"), ("GSR", "GSR"), "missing: GSR"),
        (("GSR",), ("EEG",), r"found 1 \(GSR of kind EEG\); missing: GSR"),
        (("Temp",), (), "missing: GSR"),
    ],
)
def test_a_single_channel_is_not_guessed(labels, kinds, says) -> None:
    with pytest.raises(StreamError, match=says):
        match(GSR, skin(labels, kinds=kinds))


def test_an_electrode_is_not_taken_for_another() -> None:
    with pytest.raises(StreamError, match="missing: Cz"):
        match(wanted(channels=("Cz",)), stream(("Oz",)))
    assert match(wanted(channels=("Cz",)), stream(("EEG1",))).columns.tolist() == [0]


def test_labels_that_only_count_are_taken_in_order_and_that_is_said() -> None:
    found = match(wanted(channels=("Cz", "Oz")), stream(("EEG1", "EEG2", "EEG3"), kinds=("EEG", "EEG", "EOG")))
    assert found.columns.tolist() == [0, 1]
    assert found.assumed == ("EEG: channels taken in the stream's order (its labels: EEG1, EEG2)",)
    with pytest.raises(StreamError, match="missing: Cz, Oz"):
        match(wanted(channels=("Cz", "Oz")), stream(("EEG1", "EEG2", "EEG3")))


def test_each_channel_has_its_own_unit() -> None:
    model = wanted(channels=("Cz", "Oz", "Pz"))
    found = match(model, stream(("Pz", "Oz", "Cz"), "mixed", units=("uV", "mV", "V")))
    np.testing.assert_allclose(found.read(np.array([[1, 2, 3]], np.float32)), [[3e6, 2e3, 1]])
    with pytest.raises(StreamError, match="expected EEG in uV, found 'uS' in channel 'Oz'"):
        match(model, stream(("Pz", "Oz", "Cz"), "mixed", units=("uV", "uS", "V")))
    # a channel that the model does not want may have any unit
    match(model, stream(("Pz", "Oz", "Cz", "skin"), "mixed", units=("uV", "uV", "uV", "uS")))


def test_resistance_is_read_as_conductance_and_none_as_no_value() -> None:
    found = match(GSR, skin(("GSR",), "kohm"))
    np.testing.assert_array_equal(found.read(np.array([[100], [0], [-1]], np.float32))[:, 0], [10, np.nan, np.nan])


def test_what_is_not_finite_is_missing_in_its_own_channel_alone() -> None:
    samples = np.array([[1, np.inf], [np.nan, 2], [-np.inf, 3]], np.float32)
    for unit in ("uV", "V"):
        values = match(wanted(channels=("Cz", "Oz")), stream(("Cz", "Oz"), unit)).read(samples)
        np.testing.assert_array_equal(np.isnan(values), ~np.isfinite(samples))


@pytest.mark.parametrize(
    ("found", "says"), [("furlong", "'furlong'"), ("unstated", "'unstated'"), ("", "'no unit'")]
)
def test_a_unit_that_cannot_be_converted_is_refused(found: str, says: str) -> None:
    with pytest.raises(StreamError, match=f"expected GSR in uS, found {says}; set the unit"):
        match(GSR, skin(("GSR",), found))
    with pytest.raises(StreamError, match=r"expected Resp in a\.u\., found"):
        match(wanted("Resp", ("Resp",), "a.u."), stream(("Resp",), found, modality="Resp"))


def test_an_adapting_model_takes_any_unit_and_says_where_none_was_stated() -> None:
    model = wanted("Resp", ("Resp",), "arbitrary", adapt="running")
    for unit, assumed in (
        ("furlong", ()),
        ("unstated", ("Resp: the stream names no unit; its numbers are taken as they are",)),
    ):
        found = match(model, stream(("Resp",), unit, modality="Resp"))
        assert found.assumed == assumed
        np.testing.assert_array_equal(found.read(np.array([[-3]], np.float32)), [[-3]])


@pytest.mark.parametrize("rate", [0.0, float("nan")])
def test_slow_signals_may_be_irregular(rate: float) -> None:
    assert match(GSR, skin(("GSR",), rate=rate)).rate == 0.0
    low_pass = wanted("Resp", ("Resp",), conditioning=Conditioning(band=(0, 2)))
    assert match(low_pass, stream(("Resp",), rate=rate, modality="Resp")).rate == 0.0


@pytest.mark.parametrize("modality", ["EEG", "ECG", "BVP", "EOG", "EMG", "Resp"])
def test_what_a_filter_or_a_waveform_needs_must_be_regular(modality: str) -> None:
    band = Conditioning(band=(0.1, 2)) if modality == "Resp" else Conditioning()
    with pytest.raises(
        StreamError, match=rf"'amp': expected a regular rate for {modality}, found an irregular one"
    ):
        match(wanted(modality, ("x",), conditioning=band), stream(("x",), rate=0, modality=modality))


def test_a_stream_too_slow_for_the_band_is_refused() -> None:
    model = wanted(conditioning=Conditioning(band=(4, 45)))
    with pytest.raises(StreamError, match=r"expected at least 99 Hz for EEG .* found 98 Hz"):
        match(model, stream(rate=98))
    assert match(model, stream(rate=99)).rate == 99
