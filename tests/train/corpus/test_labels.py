import pytest
from pydantic import ValidationError

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.signals import Trial
from memhacl.train.config import LabelConfig
from memhacl.train.corpus.labels import Target, planted_classes, said, targets_of
from memhacl.train.corpus.trials import tabulate

RANGES = {"valence": (1.0, 9.0), "arousal": (1.0, 9.0), "dominance": (1.0, 5.0)}


def labelled(config: LabelConfig, *trials: dict[str, float], ranges: dict = RANGES) -> dict[str, list[str | None]]:
    table = tabulate((0, 0, Trial("x", 0.0, 0.0, 1.0, ratings)) for ratings in trials)
    return {task: words(target) for task, target in targets_of(table, ranges, config).items()}


def words(target: Target) -> list[str | None]:
    return [None if value < 0 else target.classes[value] for value in target.values]


@pytest.mark.parametrize(
    ("valence", "arousal", "quadrant"),
    [(5.0, 5.0, "LVLA"), (5.01, 5.0, "HVLA"), (5.0, 5.01, "LVHA"), (9.0, 9.0, "HVHA"), (1.0, 1.0, "LVLA")],
)
def test_a_rating_of_exactly_five_is_low_as_in_the_paper(valence: float, arousal: float, quadrant: str) -> None:
    found = labelled(LabelConfig(), {"valence": valence, "arousal": arousal})
    assert found["quadrant"] == [quadrant]
    assert found["valence"] == ["high" if valence > 5 else "low"]
    assert found["arousal"] == ["high" if arousal > 5 else "low"]


def test_thresholds_are_per_scale_and_by_default_its_middle() -> None:
    config = LabelConfig(tasks=("valence", "arousal", "dominance"), thresholds={"valence": 3.0, "arousal": 7.0})
    found = labelled(config, {"valence": 4.0, "arousal": 6.0, "dominance": 3.0}, {"dominance": 3.5})
    assert found == {"valence": ["high", None], "arousal": ["low", None], "dominance": ["low", "high"]}


def test_a_scale_of_unknown_range_needs_a_threshold() -> None:
    config = LabelConfig(tasks=("calm",))
    with pytest.raises(ConfigError, match=r"labels\.thresholds: expected one for 'calm'"):
        labelled(config, {"calm": 2.0})
    assert labelled(LabelConfig(tasks=("calm",), thresholds={"calm": 1.0}), {"calm": 2.0}) == {"calm": ["high"]}


def test_a_missing_rating_gives_no_label_to_the_tasks_that_need_it() -> None:
    found = labelled(LabelConfig(), {"arousal": 6.0}, {"valence": 6.0})
    assert found == {"valence": [None, "high"], "arousal": ["high", None], "quadrant": [None, None]}


def test_ratings_near_the_threshold_are_ambiguous() -> None:
    config = LabelConfig(margin=1.0)
    ratings = [{"valence": v, "arousal": 9.0} for v in (3.9, 4.0, 4.1, 5.0, 5.9, 6.0)]
    found = labelled(config, *ratings)
    assert found["valence"] == ["low", "low", None, None, None, "high"]
    assert found["quadrant"] == ["LVHA", "LVHA", None, None, None, "HVHA"]
    assert found["arousal"] == ["high"] * 6
    table = tabulate((0, 0, Trial("x", 0.0, 0.0, 1.0, one)) for one in [*ratings, {"arousal": 1.0}])
    assert said(targets_of(table, RANGES, config)["valence"]) == (
        "low 2 (67%), high 1 (33%), 3 ambiguous, 1 without a label"
    )


CONDITIONS = ("baseline", "stress", "amusement", "stress")


def conditions(config: LabelConfig) -> Target:
    trials = [Trial(word, 0.0, 0.0, 1.0, categories={"condition": word}) for word in CONDITIONS]
    table = tabulate((0, 0, trial) for trial in [*trials, Trial("y", 0.0, 0.0, 1.0)])
    return targets_of(table, {}, config)["condition"]


def test_categories_are_classes_or_are_put_together_into_them() -> None:
    every = conditions(LabelConfig(tasks=("condition",)))
    assert words(every) == [*CONDITIONS, None]
    two = {"calm": ("baseline", "amusement"), "stressed": ("stress",)}
    assert words(conditions(LabelConfig(tasks=("condition",), classes={"condition": two}))) == [
        "calm", "stressed", "calm", "stressed", None,
    ]  # fmt: skip
    some = {"stress": ("stress",), "baseline": ("baseline",)}
    chosen = conditions(LabelConfig(tasks=("condition",), classes={"condition": some}))
    assert chosen.classes == ("stress", "baseline")
    assert words(chosen) == ["baseline", "stress", None, "stress", None]


def test_classes_come_in_natural_order_whoever_was_read_first() -> None:
    for words_ in (("21 Hz", "rest", "9 Hz"), ("rest", "9 Hz", "21 Hz")):
        table = tabulate((0, 0, Trial(w, 0.0, 0.0, 1.0, categories={"flicker": w})) for w in words_)
        target = targets_of(table, {}, LabelConfig(tasks=("flicker",)))["flicker"]
        assert target.classes == ("9 Hz", "21 Hz", "rest")
        assert words(target) == list(words_)


def test_a_category_that_is_not_there_is_named() -> None:
    wrong = {"calm": ("rest",), "stressed": ("stress",)}
    with pytest.raises(ConfigError, match=r"labels\.classes\.condition: expected amusement, .*found 'rest'"):
        conditions(LabelConfig(tasks=("condition",), classes={"condition": wrong}))


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (
            LabelConfig(thresholds={"valance": 4.0}),
            r"labels\.thresholds: expected scales .*\(valence, arousal\), found 'val",
        ),
        (
            LabelConfig(classes={"mood": {"a": ("x",), "b": ("y",)}}),
            r"labels\.classes: .*it has none.*found 'mood'",
        ),
    ],
)
def test_a_setting_for_what_is_not_there_is_refused(config: LabelConfig, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        labelled(config, {"valence": 4.0, "arousal": 6.0})


def test_a_task_that_the_data_cannot_tell_says_what_it_can() -> None:
    with pytest.raises(DataError, match=r"task 'quadrant': the data tell valence; set labels\.tasks"):
        labelled(LabelConfig(tasks=("quadrant",)), {"valence": 1.0})
    with pytest.raises(DataError, match="nothing: no trial has a rating or category"):
        labelled(LabelConfig(), {})


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"tasks": ("a.b",)}, "letters, digits"),
        ({"classes": {"condition": {"one": ("a",)}}}, "two classes or more"),
        ({"classes": {"condition": {"one": ("a",), "two": ("a", "b")}}}, "every category in one"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict, match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        LabelConfig(**settings)


def test_planted_latents_give_classes_by_their_sign() -> None:
    table = tabulate((0, 0, Trial("x", 0.0, 0.0, 1.0, {}, {"valence": v, "arousal": 1.0})) for v in (-1.0, 2.0))
    assert planted_classes(table, "valence").tolist() == [0, 1]
    assert planted_classes(table, "quadrant").tolist() == [1, 3]
    assert planted_classes(table, "condition").tolist() == [-1, -1]
