"""Labels of electrodes as recorders spell them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memhacl.stream.labels import electrode, key, only_count
from memhacl.stream.montage import known, positions
from memhacl.stream.sources.deap.layout import ELECTRODES

PLAIN = ("Fp1", "FP1", " fp1 ", "Fp1.", "Fp1..", "EEG Fp1", "EEG:Fp1", "EEG_Fp1", "E-Fp1")
REFERRED = (
    "EEG FP1-REF",
    "EEG Fp1-LE",
    "Fp1-A2",
    "Fp1-M1",
    "FP1-AVG",
    "Fp1-CPz",
    "Fp1_ref",
    "Fp1:A1A2",
    "Fp1-CAR",
)


@pytest.mark.parametrize("label", [*PLAIN, *REFERRED, "EEG Fp1-(A1+A2)/2", "eeg-fp1-AR"])
def test_forms_of_one_electrode(label: str) -> None:
    assert electrode(label) == "fp1"


@pytest.mark.parametrize(("old", "new"), [("T3", "T7"), ("T4", "T8"), ("T5", "P7"), ("T6", "P8")])
def test_old_and_new_names_are_one(old: str, new: str) -> None:
    assert electrode(old) == electrode(new) == electrode(f"EEG {old}-REF") == new.lower()


@pytest.mark.parametrize(
    "label", ["Fp1-F7", "C3-Cz", "A1", "EXG1", "EEG1", "E12", "EEG", "", "-", "Fp1 impedance", "Fp11", "EOG Fp1"]
)
def test_what_names_no_electrode(label: str) -> None:
    assert electrode(label) is None


@given(
    name=st.sampled_from(ELECTRODES),
    front=st.sampled_from(["", "EEG ", "EEG:", "EEG_", "E-", "eeg-"]),
    back=st.sampled_from(["", ".", "..", "-REF", "-LE", "-A2", "_M1", "-AVG", " ref"]),
    shout=st.booleans(),
)
def test_no_form_makes_one_electrode_another(name: str, front: str, back: str, shout: bool) -> None:
    label = f"{front}{name}{back}"
    found = electrode(label.upper() if shout else label)
    assert found is not None
    assert (positions([found]) == positions([name])).all()


@given(st.text(max_size=12))
def test_any_text_is_an_electrode_that_is_known_or_none(label: str) -> None:
    found = electrode(label)
    assert found is None or known(found)


def test_electrodes_are_read_in_eeg_only() -> None:
    assert key("T3", "EEG") == key("EEG T7-REF", "EEG")
    assert key("T3", "Temp") != key("T7", "Temp")
    assert key("AUX  1", "GSR") == key("aux 1", "GSR")


def test_numbers_name_no_place() -> None:
    assert only_count(["EEG1", "ch 2", "Channel-3", "4"])
    assert not only_count(["EEG1", "Cz"])
    assert not only_count(["O1", "O2"])
