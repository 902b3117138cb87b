"""Channel labels: which electrode or signal a label names, however a recorder spelt it."""

import re
from collections.abc import Sequence

from memhacl.stream import montage

# What a recorder adds to an electrode's name: 'EEG Fp1-REF', 'E-Fp1', 'EEG:Fp1', 'Fp1-A2', 'Fp1..'. Only these are
# read as references: 'Fp1-F7' is a bipolar channel and names no electrode.
_REFERENCES = (
    "ref|le|re|a1|a2|a12|a1a2|a1[+]a2|[(]a1[+]a2[)]/2|m1|m2|m12|m1m2|m1[+]m2|[(]m1[+]m2[)]/2|"
    "avg|ave|av|ar|car|cpz|fcz|linked|linkedears|linkedmastoids"
)
_BETWEEN = r"[\s:_/-]+"
_ELECTRODE = re.compile(rf"(?:(?:eeg|e){_BETWEEN})?([a-z]+(?:z|\d+))(?:{_BETWEEN}(?:{_REFERENCES}))?[.\s]*")
_COUNTED = re.compile(r"(?:eeg|ch|chan|channel)?[\s:_-]*\d+")


def electrode(label: str) -> str | None:
    """Return the 10-10 electrode that ``label`` names; None where it names none.

    It comes in lower case and modern spelling: 'EEG T3-LE', 'T3' and 'T7.' are all 't7'.
    """
    found = _ELECTRODE.fullmatch(label.strip().lower())
    if found is None or not montage.known(found[1]):
        return None
    return montage.ALIASES.get(found[1], found[1])


def key(label: str, modality: str) -> str:
    """Return what two labels of one channel have in common: the electrode in EEG, else the text without case."""
    name = electrode(label) if modality == "EEG" else None
    return name or " ".join(label.casefold().split())


def only_count(labels: Sequence[str]) -> bool:
    """Tell whether labels only number the channels (EEG1, ch 2, 3), so that they name no place."""
    return all(_COUNTED.fullmatch(label.strip().lower()) for label in labels)
