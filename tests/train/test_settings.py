from pathlib import Path
from typing import Any

import pytest
import yaml

from memhacl.stream.errors import ConfigError
from memhacl.stream.strict import read_yaml
from memhacl.train.settings import load_config, packaged, save_config

MINIMAL: dict[str, Any] = {
    "name": "x",
    "signals": {"modalities": [{"modality": "EEG", "channels": ["Cz"], "unit": "uV"}]},
}


def written(folder: Path, changes: dict[str, Any]) -> str:
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(MINIMAL | changes), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optim": {"lrr": 1}}, r"unknown key 'optim\.lrr'; did you mean 'pretrain\.lr' or 'finetune\.lr'\?"),
        ({"pretrain": {"epoch": 1}}, r"unknown key 'pretrain\.epoch'; did you mean 'pretrain\.epochs'\?"),
        ({"finetun": {"lr": 1}}, r"unknown key 'finetun\.lr'; did you mean 'finetune\.lr'\?"),
        ({"sed": 1}, r"unknown key 'sed'; did you mean 'seed'\?"),
        (
            {"method": {"settings": {"widht": 1}}},
            r"unknown key 'method\.settings\.widht'; did you mean '.*width'\?",
        ),
        ({"method": {"name": "me-mhcl"}}, r"unknown method 'me-mhcl'; did you mean 'me-mhacl'\?"),
        ({"finetune": {"lr": -1}}, r"finetune\.lr: .*greater than 0 \(found -1\)"),
        ({"protocol": {"validation": 0.5, "test": 0.5}}, r"leaves nothing to train on"),
        ({"labels": {"tasks": ["valence", "valence"]}}, r"a task is listed twice"),
        (
            {"signals": {"modalities": [{"modality": "EEG", "channels": ["Cz"], "unit": "uV", "adpt": "none"}]}},
            r"unknown key 'signals\.modalities\.0\.adpt'; did you mean 'signals\.modalities\.0\.adapt'\?",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_config(written(tmp_path, changes))
    assert "\n" not in str(caught.value)


def test_an_unknown_name_says_which_configs_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'demo'\?"):
        load_config("demoo")
    with pytest.raises(ConfigError, match=r"the packaged ones are .*deap.*demo"):
        load_config(str(tmp_path / "nowhere.yaml"))


def test_method_settings_come_back_complete_and_checked(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, {"method": {"settings": {"width": 0.5}}}))
    assert config.method.settings["width"] == 0.5
    assert len(config.method.settings) > 1


def test_another_method_keeps_the_settings_that_it_shares(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, {"method": {"settings": {"width": 0.5}}}), method="supervised")
    assert config.method.name == "supervised"
    assert config.method.settings["width"] == 0.5


@pytest.mark.parametrize("name", packaged())
def test_what_is_saved_loads_as_the_same(tmp_path: Path, name: str) -> None:
    config = load_config(name)
    save_config(config, tmp_path / "config.yaml")
    assert load_config(str(tmp_path)) == config
    assert read_yaml(tmp_path / "config.yaml")["name"] == name
