import numpy as np
import pytest

from memhacl.train.config import LabelConfig
from memhacl.train.labels import CLASSES, labels_from


@pytest.mark.parametrize(
    ("valence", "arousal", "quadrant"),
    [(5.0, 5.0, "LVLA"), (5.01, 5.0, "HVLA"), (5.0, 5.01, "LVHA"), (9.0, 9.0, "HVHA"), (1.0, 1.0, "LVLA")],
)
def test_a_rating_of_exactly_five_is_low_as_in_the_paper(valence: float, arousal: float, quadrant: str) -> None:
    found = labels_from(np.array([valence]), np.array([arousal]), LabelConfig())
    assert CLASSES["quadrant"][found["quadrant"][0]] == quadrant
    assert CLASSES["valence"][found["valence"][0]] == ("high" if valence > 5 else "low")
    assert CLASSES["arousal"][found["arousal"][0]] == ("high" if arousal > 5 else "low")


def test_thresholds_are_per_scale() -> None:
    config = LabelConfig(valence_threshold=3.0, arousal_threshold=7.0)
    found = labels_from(np.array([4.0]), np.array([6.0]), config)
    assert (found["valence"][0], found["arousal"][0]) == (1, 0)


def test_a_missing_rating_gives_no_label_to_the_tasks_that_need_it() -> None:
    found = labels_from(np.array([np.nan, 6.0]), np.array([6.0, np.nan]), LabelConfig())
    assert found["valence"].tolist() == [-1, 1]
    assert found["arousal"].tolist() == [1, -1]
    assert found["quadrant"].tolist() == [-1, -1]
