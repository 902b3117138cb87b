"""Units: other programs' spellings, and numbers that mean the same after conversion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memhacl.stream.units import UNSTATED, conversion, unit_of

FAMILIES = (
    ("V", "mV", "uV", "nV"),
    ("S", "mS", "uS", "nS", "ohm", "kohm", "Mohm"),
    ("degC", "degF", "K"),
)


def convert(value: float, found: str, wanted: str) -> float:
    how = conversion(found, wanted)
    assert how is not None
    return float(how(np.array([value]))[0])


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [
        ("microvolts", "uV"),
        ("\u00b5V", "uV"),  # micro sign
        ("\u03bcV", "uV"),  # Greek mu
        ("UV", "uV"),
        ("Millivolts", "mV"),
        ("volts", "V"),
        ("nV", "nV"),
        ("microsiemens", "uS"),
        ("\u00b5S", "uS"),
        ("nS", "nS"),
        ("Siemens", "S"),
        ("kOhm", "kohm"),
        ("k\u03a9", "kohm"),
        ("M\u2126", "Mohm"),
        ("Megohms", "Mohm"),
        ("\u2126", "ohm"),  # ohm sign
        ("\u00b0C", "degC"),
        ("\u2103", "degC"),  # one character
        ("degrees Celsius", "degC"),
        ("\u00b0F", "degF"),
        ("Fahrenheit", "degF"),
        ("K", "K"),
        ("a.u.", "a.u."),
        ("arbitrary", "arbitrary"),
        ("", UNSTATED),
        ("none", UNSTATED),
        ("furlong", "furlong"),
    ],
)
def test_units_of_other_programs_are_known(spelling: str, unit: str) -> None:
    assert unit_of(spelling) == unit


@pytest.mark.parametrize("spelling", ["s", "ms", "ns", "mohm", "m\u03a9"])
def test_a_time_is_no_conductance_and_a_milliohm_no_megohm(spelling: str) -> None:
    assert unit_of(spelling) == spelling


def test_a_power_of_ten_is_one_of_the_modalitys_unit() -> None:
    assert unit_of("-6", "EEG") == "uV"
    assert unit_of("-6", "GSR") == "uS"
    assert unit_of("-3", "ECG") == "mV"
    assert unit_of("0", "EEG") == UNSTATED
    assert unit_of("-6", "Temp") == "-6"  # a millionth of what?


@given(value=st.floats(1e-3, 1e9), data=st.data())
def test_there_and_back_is_where_one_was(value: float, data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(FAMILIES))
    found, wanted = data.draw(st.tuples(st.sampled_from(family), st.sampled_from(family)))
    assert convert(convert(value, found, wanted), wanted, found) == pytest.approx(value, rel=1e-9, abs=1e-9)


@given(value=st.floats(1e-3, 1e6), data=st.data())
def test_the_way_over_a_third_unit_leads_to_the_same(value: float, data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(FAMILIES))
    a, b, c = (data.draw(st.sampled_from(family)) for _ in range(3))
    assert convert(convert(value, a, b), b, c) == pytest.approx(convert(value, a, c), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "found", "wanted", "is_"),
    [
        (2.0, "V", "uV", 2e6),
        (3.0, "nV", "uV", 3e-3),
        (500.0, "nS", "uS", 0.5),
        (100.0, "kohm", "uS", 10.0),
        (4.0, "uS", "ohm", 250_000.0),
        (250.0, "nS", "Mohm", 4.0),
        (2.0, "Mohm", "kohm", 2000.0),
        (98.6, "degF", "degC", 37.0),
        (310.15, "K", "degC", 37.0),
        (-40.0, "degC", "degF", -40.0),
    ],
)
def test_known_values(value: float, found: str, wanted: str, is_: float) -> None:
    assert convert(value, found, wanted) == pytest.approx(is_, rel=1e-12)


def test_no_resistance_has_no_conductance() -> None:
    how = conversion("kohm", "uS")
    assert how is not None
    np.testing.assert_array_equal(
        how(np.array([[0.0, -3.0], [np.nan, 1000.0]])), [[np.nan, np.nan], [np.nan, 1.0]]
    )


@pytest.mark.parametrize(
    ("found", "wanted"), [("uV", "uS"), ("degC", "uV"), ("furlong", "uV"), ("a.u.", "uV"), (UNSTATED, "uV")]
)
def test_what_measures_something_else_is_not_converted(found: str, wanted: str) -> None:
    assert conversion(found, wanted) is None
    assert conversion(wanted, found) is None


def test_a_unit_of_a_labs_own_equals_itself_alone() -> None:
    assert convert(7.0, "a.u.", "a.u.") == 7.0
    assert conversion("a.u.", "arbitrary") is None
