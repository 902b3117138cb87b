import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from memhacl.stream.sources.deap.layout import CHANNELS, RANGES
from memhacl.stream.sources.registry import open_source
from memhacl.stream.strict import known_keys
from memhacl.train.config import Config
from memhacl.train.corpus.cutter import resolve
from memhacl.train.corpus.labels import threshold_of
from memhacl.train.methods.registry import build_method
from memhacl.train.settings import load_config, packaged, settings_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", packaged())
def test_every_packaged_config_loads_under_its_own_name_and_builds_its_method(name: str) -> None:
    config = load_config(name)
    assert config.name == name
    build_method(config.method.name, config.method.settings, config.spec)


def test_deap_holds_the_papers_numbers() -> None:
    config = load_config("deap")
    settings = config.method.settings
    assert config.spec.shape == (36, 128)
    assert {modality.baseline for modality in config.spec.modalities} == {"rest"}
    assert [threshold_of(scale, RANGES, config.labels) for scale in ("valence", "arousal")] == [5.0, 5.0]
    assert (config.protocol.name, config.protocol.validation, config.protocol.test) == ("paper", 0.15, 0.15)
    assert (settings["clips"], settings["members"], settings["temperature"]) == (8, 2, 0.1)
    assert (settings["width"], settings["dropout"], settings["heads"]) == (1.0, 0.5, 8)
    assert (config.pretrain.epochs, config.pretrain.lr) == (4000, 1e-4)
    assert (config.finetune.epochs, config.finetune.batch, config.finetune.lr) == (20, 2048, 1e-3)
    assert config.finetune.encoder == "separate"


def test_deap_has_its_four_modalities_and_the_papers_ablations_as_lines() -> None:
    four = load_config("deap-four")
    assert four.spec.shape == (35, 128)
    assert [modality.modality for modality in four.spec.modalities] == ["EEG", "GSR", "Resp", "Temp"]
    assert four.method == load_config("deap").method
    for use, rows in ((["EEG"], 32), (["EEG", "GSR"], 33), (["EEG", "EOG", "GSR", "Resp", "Temp"], 37)):
        assert len(Config.model_validate({**four.model_dump(), "use": use}).spec.channels) == rows


@pytest.mark.parametrize("name", ["deap", "demo"])
def test_channels_are_those_of_deaps_files(name: str) -> None:
    assert set(load_config(name).signals.channels) <= set(CHANNELS)


@pytest.mark.parametrize(
    ("name", "data"), [("lab-montage", "configs/people/lab-montage.yaml"), ("demo", "simulated")]
)
def test_the_people_named_beside_a_config_have_its_signals(name: str, data: str) -> None:
    source = open_source(str(ROOT / data) if "/" in data else data)
    recording = source.open(source.people[0])
    spec = resolve(load_config(name).signals, recording)
    for modality in spec.modalities:
        found = recording.formats[modality.modality]
        assert set(modality.channels) <= set(found.channels)
        assert found.unit == modality.unit


def documented() -> dict[str, str]:
    text = (ROOT / "docs" / "configs.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \| ", text, flags=re.MULTILINE))


def defaults(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Dotted key → default of the settings of ``model`` that stand in a section of their own."""
    return {
        f"{prefix}{name}": field.default
        for name, field in model.model_fields.items()
        if not field.is_required() and not isinstance(field.default, BaseModel)
    }


def test_docs_list_every_setting() -> None:
    keys = {key for key in known_keys(Config) if key != "method.settings"}
    keys |= {f"method.settings.{name}" for name in settings_of("me-mhacl").model_fields}
    assert keys <= documented().keys()
    assert documented().keys() - keys <= {"method.settings"}


def test_docs_give_the_defaults_that_are() -> None:
    expected = defaults(Config) | defaults(settings_of("me-mhacl"), "method.settings.")
    for section in ("people", "trials", "labels", "protocol", "method", "pretrain", "finetune"):
        expected |= defaults(type(Config.model_fields[section].default), f"{section}.")
    said = documented()
    for key, value in expected.items():
        shown = f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
        assert said[key] == f"`{shown}`", key
