"""SignalSpec: what it computes, and what it refuses with the reason."""

import pytest

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import SignalSpec

EEG = {"modality": "EEG", "channels": ["Cz", "Oz"], "unit": "uV"}
GSR = {"modality": "GSR", "channels": ["GSR"], "unit": "uS"}


def parsed(**values: object) -> SignalSpec:
    return SignalSpec.parse({"modalities": [EEG, GSR], **values}, "lab.yaml")


def test_rows_follow_the_order_of_the_modalities() -> None:
    spec = parsed()
    assert spec.shape == (3, 128)
    assert spec.rows == {"EEG": slice(0, 2), "GSR": slice(2, 3)}
    assert spec.channels == ("Cz", "Oz", "GSR")


def test_the_grid_follows_eeg_else_the_first() -> None:
    assert parsed(modalities=[GSR, EEG]).reference == "EEG"
    assert parsed(modalities=[GSR]).reference == "GSR"


def test_json_gives_the_same_spec_back() -> None:
    spec = parsed(hop=0.125)
    assert SignalSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hop": 0.1}, "hop 0.1 s is no whole number of samples at 128.0 Hz"),
        ({"rte": 128}, "unknown key 'rte'; did you mean 'rate'?"),
        ({"modalities": [{**EEG, "unti": "uV"}]}, "unti"),
        ({"modalities": [{**EEG, "modality": "EGG"}]}, "expected one of EEG"),
        ({"modalities": [{**EEG, "unit": "arbitrary"}]}, "unit 'arbitrary' needs adapt"),
        ({"modalities": [{**EEG, "conditioning": {"band": [4, 70]}}]}, "reaches half the rate"),
        ({"modalities": [{**EEG, "conditioning": {"band": [45, 4]}}]}, "expected 0 <= low < high"),
        ({"modalities": [EEG, EEG]}, "a modality is listed twice"),
        ({"modalities": [{**EEG, "channels": ["Cz", "Cz"]}]}, "a channel is listed twice"),
        ({"modalities": []}, "modalities"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(values: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(**values)
    assert says in str(caught.value)
    assert str(caught.value).startswith("lab.yaml: ")
    assert "\n" not in str(caught.value)
