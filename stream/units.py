"""Units of signals: the spellings of other programs, and conversion where two units measure the same thing."""

import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNSTATED = "unstated"  # the stream names no unit
MIXED = "mixed"  # its channels differ
ARBITRARY = "arbitrary"  # a model with this unit adapts to whatever comes

# Powers of ten of the volt, the siemens and the ohm; temperatures as (factor, summand) to degrees Celsius.
_VOLT = {"V": 0, "mV": -3, "uV": -6, "nV": -9}
_SIEMENS = {"S": 0, "mS": -3, "uS": -6, "nS": -9}
_OHM = {"ohm": 0, "kohm": 3, "Mohm": 6}
_CELSIUS = {"degC": (1.0, 0.0), "K": (1.0, -273.15), "degF": (5 / 9, -160 / 9)}

# Where upper and lower case differ in meaning: s, ms and ns are times, a milliohm is no megohm.
_EXACT = {
    "S": ("S",),
    "mS": ("mS",),
    "nS": ("nS",),
    "Mohm": ("Mohm", "MOhm", "MOHM", "Mohms", "MOhms"),
    "K": ("K",),
}
_FOLDED = {
    "V": ("v", "volt", "volts"),
    "mV": ("mv", "millivolt", "millivolts"),
    "uV": ("uv", "microvolt", "microvolts"),
    "nV": ("nv", "nanovolt", "nanovolts"),
    "S": ("siemens", "mho"),
    "mS": ("millisiemens", "mmho"),
    "uS": ("us", "usiemens", "microsiemens", "umho", "micromho"),
    "nS": ("nanosiemens", "nsiemens"),
    "ohm": ("ohm", "ohms"),
    "kohm": ("kohm", "kohms", "kiloohm", "kiloohms", "kilohm", "kilohms"),
    "Mohm": ("megaohm", "megaohms", "megohm", "megohms"),
    "degC": ("degc", "c", "celsius", "degreescelsius", "degreecelsius", "degreesc"),
    "degF": ("degf", "f", "fahrenheit", "degreesfahrenheit", "degreefahrenheit", "degreesf"),
    "K": ("kelvin", "kelvins", "degk"),
    "a.u.": ("a.u.", "au", "a.u"),
    ARBITRARY: ("arbitrary", "arb", "arbitraryunit", "arbitraryunits"),
    MIXED: ("mixed",),
    UNSTATED: ("", "unstated", "none", "n/a", "na", "unknown", "0"),
}
_EXACT_OF = {spelling: unit for unit, spellings in _EXACT.items() for spelling in spellings}
_FOLDED_OF = {spelling: unit for unit, spellings in _FOLDED.items() for spelling in spellings}
# A number is a power of ten of the SI unit (MNE's convention); 0 may mean "none" there, so it says nothing.
_POWERS = {name: {"-3": "mV", "-6": "uV", "-9": "nV"} for name in ("EEG", "ECG", "EOG", "EMG")}
_POWERS["GSR"] = {"-3": "mS", "-6": "uS", "-9": "nS"}


@dataclass(frozen=True)
class Conversion:
    """From one unit to another: ``scale`` * x + ``offset``, or ``scale`` / x where it is ``reciprocal``."""

    scale: float = 1.0
    offset: float = 0.0
    reciprocal: bool = False

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert ``values`` (any shape); NaN stays, and so becomes what is not above 0 and has no reciprocal."""
        if not self.reciprocal:
            return values * self.scale + self.offset
        converted = np.full_like(values, np.nan)
        np.divide(self.scale, values, out=converted, where=values > 0)
        return converted


def unit_of(text: str, modality: str = "") -> str:
    """Return the project's spelling of a unit ('microvolts' -> 'uV'); an unknown unit comes back as it is.

    ``modality`` says what a bare power of ten belongs to: '-6' is uV in EEG and uS in GSR.
    """
    stripped = text.strip()
    if stripped in _POWERS.get(modality, {}):
        return _POWERS[modality][stripped]
    plain = "".join(unicodedata.normalize("NFKC", stripped).split())  # one mu, one ohm sign, no degree ligatures
    for special, letters in (("\u03bc", "u"), ("\u00b0", "deg"), ("\u03a9", "ohm"), ("\u03c9", "ohm")):
        plain = plain.replace(special, letters)
    return _EXACT_OF.get(plain) or _FOLDED_OF.get(plain.casefold(), stripped)


def conversion(found: str, wanted: str) -> Conversion | None:
    """Return how to get from unit ``found`` to unit ``wanted``; None where they measure different things."""
    if found == wanted:
        return Conversion()
    for family in (_VOLT, _SIEMENS, _OHM):
        if found in family and wanted in family:
            return Conversion(10.0 ** (family[found] - family[wanted]))
    powers = _SIEMENS | _OHM
    if found in powers and wanted in powers:  # a conductance from a resistance, or the reverse
        return Conversion(10.0 ** -(powers[found] + powers[wanted]), reciprocal=True)
    if found in _CELSIUS and wanted in _CELSIUS:
        (scale, offset), (divisor, summand) = _CELSIUS[found], _CELSIUS[wanted]
        return Conversion(scale / divisor, (offset - summand) / divisor)
    return None
