from typing import Any

import pytest

from memhacl.train.config import Config
from memhacl.train.keys import STAGES, config_hash, stage_keys
from memhacl.train.settings import load_config


def changed(config: Config, section: str, **values: Any) -> Config:
    part = getattr(config, section)
    new = part.model_copy(update=values) if hasattr(part, "model_copy") else values["to"]
    return config.model_copy(update={section: new})


@pytest.mark.parametrize(
    ("section", "values", "first"),
    [
        ("signals", {"hop": 0.5}, "prepare"),
        ("protocol", {"seed": 9}, "split"),
        ("protocol", {"name": "paper"}, "split"),
        ("method", {"name": "supervised"}, "pretrain"),
        ("method", {"settings": {"width": 0.25}}, "pretrain"),
        ("pretrain", {"epochs": 3}, "pretrain"),
        ("seed", {"to": 5}, "pretrain"),
        ("select", {"runs": 3}, None),  # nothing is kept, so there is nothing to choose
        ("finetune", {"lr": 0.5}, "finetune"),
        ("finetune", {"encoder": "shared"}, "select"),  # the choice is by group
        ("labels", {"thresholds": {"valence": 4.0}}, "finetune"),
        ("name", {"to": "other"}, None),
        ("device", {"to": "cpu"}, None),
        ("threads", {"to": 1}, None),
        ("checkpoint", {"to": 1.0}, None),
        ("tensorboard", {"to": True}, None),
    ],
)
def test_a_setting_changes_its_stage_and_those_after_it_and_no_other(
    section: str, values: dict[str, Any], first: str | None
) -> None:
    config = load_config("demo")
    before = stage_keys(config, "a" * 64)
    after = stage_keys(changed(config, section, **values), "a" * 64)
    differ = [stage for stage in STAGES if before[stage] != after[stage]]
    assert differ == ([] if first is None else list(STAGES[STAGES.index(first) :]))


@pytest.mark.parametrize(
    ("section", "values"),
    [("select", {"runs": 3}), ("finetune", {"lr": 0.5}), ("labels", {"thresholds": {"valence": 4.0}})],
)
def test_a_choice_depends_on_what_it_is_made_by(section: str, values: dict[str, Any]) -> None:
    config = changed(load_config("demo"), "pretrain", keep=1)
    before, after = stage_keys(config, "a"), stage_keys(changed(config, section, **values), "a")
    assert [stage for stage in STAGES if before[stage] != after[stage]] == ["select", "finetune", "evaluate"]


def test_other_data_changes_every_key() -> None:
    config = load_config("demo")
    one, other = stage_keys(config, "a" * 64), stage_keys(config, "b" * 64)
    assert all(one[stage] != other[stage] for stage in STAGES)


def test_the_order_of_classes_matters_for_it_is_that_of_the_outputs() -> None:
    config = load_config("wesad")
    classes = config.labels.classes["condition"]
    turned = changed(config, "labels", classes={"condition": dict(reversed(classes.items()))})
    before, after = stage_keys(config, "a"), stage_keys(turned, "a")
    assert [stage for stage in STAGES if before[stage] != after[stage]] == ["finetune", "evaluate"]
    assert config_hash(config) != config_hash(turned)


def test_keys_do_not_depend_on_the_order_of_settings() -> None:
    config = load_config("demo")
    settings = dict(reversed(config.method.settings.items()))
    assert stage_keys(config, "a") == stage_keys(changed(config, "method", settings=settings), "a")


def test_a_model_to_start_from_matters_by_its_content_and_stands_for_pretraining() -> None:
    config = load_config("demo")
    started = config.model_copy(update={"init": "a.onnx"})
    before = stage_keys(started, "a", "1")
    assert stage_keys(started.model_copy(update={"init": "b.onnx"}), "a", "1") == before
    assert stage_keys(changed(started, "pretrain", epochs=3), "a", "1") == before
    for other in (stage_keys(started, "a", "2"), stage_keys(config, "a")):
        differ = [stage for stage in STAGES if before[stage] != other[stage]]
        assert differ == list(STAGES[STAGES.index("pretrain") :])
