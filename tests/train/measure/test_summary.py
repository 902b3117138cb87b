import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from plugins.said import said

from memhacl.stream.errors import DataError
from memhacl.train.measure.levels import Scores, levels_of
from memhacl.train.measure.predictions import Predictions
from memhacl.train.measure.summary import summarise

ABOUT: dict[str, Any] = {
    "name": "x", "method": "supervised", "source": "DEAP", "simulated": False, "protocol": "subject+stimulus",
    "protocol_means": "people and stimuli unseen", "leaky": False, "permuted": None,
}  # fmt: skip


def summary(tasks: Any, **about: Any) -> dict[str, Any]:
    found = summarise(tasks, ABOUT | about, 200, 0)
    json.dumps(found, allow_nan=False)  # what is undefined must be null
    return found


def test_every_number_that_a_report_needs_is_there() -> None:
    found = summary({"mood": said(people=3, stimuli=4)})
    assert found["format"] == "memhacl.metrics/2"
    assert found["protocol_means"] == "people and stimuli unseen"
    for level, rows in (("window", 36), ("trial", 12)):
        assert list(found["tasks"]["mood"][level]) == ["model", "lda"]
        for scores in found["tasks"]["mood"][level].values():
            assert scores.keys() == {
                "accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece", "intervals", "confusion", "people",
                "reliability",
            }  # fmt: skip
            assert np.sum(scores["confusion"]) == sum(point["count"] for point in scores["reliability"]) == rows
            assert list(scores["people"]) == ["p0", "p1", "p2"]
            low, high = scores["intervals"]["accuracy"]
            assert low <= scores["accuracy"] <= high
    assert found["bootstrap"]["resampled"] == {"mood": ["people", "stimuli"]}


def test_a_person_who_said_one_thing_only_has_no_auroc() -> None:
    labels = np.arange(24) % 2
    labels[:8] = 1
    people = summary({"mood": said(people=3, windows=1, truth=labels)})["tasks"]["mood"]["trial"]["model"][
        "people"
    ]
    assert people["p0"]["auroc"] is None
    assert people["p0"]["balanced_accuracy"] == people["p0"]["accuracy"]
    assert people["p1"]["auroc"] is not None


def test_a_class_that_nobody_has_gives_no_auroc_and_is_said() -> None:
    found = summary({"mood": said(truth=np.zeros(144, dtype=np.int64))})
    scores = found["tasks"]["mood"]["trial"]["model"]
    assert scores["auroc"] is None
    assert scores["intervals"]["auroc"] is None
    assert scores["balanced_accuracy"] == scores["accuracy"]
    assert any("no test trial is 'high'" in warning for warning in found["warnings"])


def test_a_task_without_a_rated_row_is_empty_and_the_others_are_not() -> None:
    found = summary({"mood": said().of(np.zeros(144, dtype=bool)), "other": said()})
    assert found["tasks"]["mood"] == {"window": {}, "trial": {}}
    assert found["tasks"]["other"]["trial"]["model"]["accuracy"] > 0
    nothing = summary({"mood": said().of(np.zeros(144, dtype=bool))})
    assert nothing["warnings"] == ["No test window has a label: nothing was measured."]


def planted() -> Predictions:
    one = said(predictors={"model": 0.8, "lda": 0.2, "majority": 0.0})
    known = one.truth.copy()
    known[:9] = 1 - known[:9]  # rating noise in the first three trials
    return replace(one, planted=known)


def test_where_all_was_planted_the_oracle_says_what_can_be_reached() -> None:
    found = summary({"mood": planted()}, simulated=True)["tasks"]["mood"]["trial"]
    assert list(found) == ["model", "lda", "majority", "oracle"]
    assert found["oracle"]["accuracy"] == pytest.approx(45 / 48)
    assert found["oracle"]["agreement"] == 1.0
    assert (found["oracle"]["auroc"], found["oracle"]["ece"], found["oracle"]["reliability"]) == (None, None, [])
    model = levels_of([planted()])["trial"].rows
    agreed = np.mean(model.probabilities["model"].argmax(axis=1) == model.planted)
    assert found["model"]["agreement"] == pytest.approx(agreed)
    unknown = replace(planted(), planted=np.where(np.arange(144) == 5, -1, planted().planted))
    assert "oracle" not in summary({"mood": unknown})["tasks"]["mood"]["trial"]


def test_the_model_is_compared_with_each_other_predictor_in_the_same_resamples() -> None:
    one = replace(planted(), probabilities={**planted().probabilities, "twin": planted().probabilities["model"]})
    found = summary({"mood": one})["comparisons"]
    trials = {(entry["than"], entry["measure"]): entry for entry in found if entry["level"] == "trial"}
    assert trials.keys() == {
        (who, m) for who in ("lda", "majority", "twin") for m in ("balanced_accuracy", "auroc")
    }
    twin = trials["twin", "balanced_accuracy"]
    assert (twin["difference"], twin["interval"]) == (0.0, [0.0, 0.0])
    assert twin["by_person"] == {"people": 6, "mean": 0.0, "wilcoxon_p": 1.0, "sign_flip_p": 1.0}
    scores = summary({"mood": one})["tasks"]["mood"]["trial"]
    lda = trials["lda", "auroc"]
    assert lda["difference"] == pytest.approx(scores["model"]["auroc"] - scores["lda"]["auroc"])
    assert lda["interval"][0] < lda["difference"] < lda["interval"][1]


def test_seeds_are_averaged_first_and_their_rows_counted_together() -> None:
    seeds = [{"mood": said(seed=number, predictors={"model": 0.7})} for number in range(4)]
    found = summary(seeds)["tasks"]["mood"]["trial"]["model"]
    each = [summary(one)["tasks"]["mood"]["trial"]["model"] for one in seeds]
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece"):
        assert found[name] == pytest.approx(np.mean([one[name] for one in each]))
    assert found["confusion"] == np.sum([one["confusion"] for one in each], axis=0).tolist()
    widths = [np.diff(one["intervals"]["accuracy"])[0] for one in (found, *each)]
    assert widths[0] < np.mean(widths[1:])
    with pytest.raises(DataError, match="the same test windows for every seed"):
        summary([seeds[0], {"mood": said(people=5)}])


def test_pooled_and_per_person_numbers_tell_bias_from_knowledge() -> None:
    """Who knows only whether a person rates high is good over all people, and knows nothing of any of them."""
    labels = np.repeat([0, 1], 24)
    labels[::8], labels[1::8] = 1, 0  # each person has both
    biased = np.where(np.arange(48) < 24, 0.3, 0.7)
    one = said(windows=1, truth=labels, probabilities={"model": np.stack([1 - biased, biased], axis=1)})
    found = summary({"mood": one})["tasks"]["mood"]["trial"]["model"]
    assert found["auroc"] > 0.7
    assert {measured["auroc"] for measured in found["people"].values()} == {0.5}
    assert Scores(levels_of([one])["trial"], "model").people["p0"]["balanced_accuracy"] == 0.5


LARGE = {"people": 12, "stimuli": 12, "windows": 1}


@pytest.mark.parametrize(
    ("about", "said_of", "warning"),
    [
        ({}, LARGE, None),
        ({"leaky": True}, LARGE, "This protocol leaks"),
        ({"simulated": True}, LARGE, "Simulated people"),
        ({"permuted": {"how": "person", "number": 3}}, LARGE, "Labels were permuted within each person"),
        ({"already_done": {"EEG": ["bandpass"], "GSR": []}}, LARGE, r"processed the signals \(EEG: bandpass\)"),
        ({"one_order": True, "disjoint": ["subject"]}, LARGE, "saw the stimuli in one order"),
        ({"running": ["GSR"], "disjoint": ["trial"]}, LARGE, "GSR: standardised by the person's own running past"),
        ({"running": ["GSR"], "disjoint": ["subject"]}, LARGE, None),
        ({}, LARGE | {"people": 9}, "Only 9 test people"),
        ({}, LARGE | {"stimuli": 9}, "Only 9 test stimuli"),
        ({}, LARGE | {"truth": (np.arange(144) % 3 > 0).astype(np.int64)}, "67% of the test trials are 'high'"),
    ],
)
def test_what_must_be_known_is_said(about: dict[str, Any], said_of: dict[str, Any], warning: str | None) -> None:
    found = summary({"mood": said(**said_of)}, **about)["warnings"]
    if warning is None:
        assert found == []
    else:
        (sentence,) = found
        assert re.search(warning, sentence)


def test_a_small_test_is_called_small() -> None:
    warnings = summary({"mood": said(people=2, stimuli=3)})["warnings"]
    assert any("Only 6 rated test trials of mood" in warning for warning in warnings)
