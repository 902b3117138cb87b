"""A config that says only in what it differs from another."""

from pathlib import Path

import pytest

from memhacl.stream.errors import ConfigError
from memhacl.train.settings import load_config, save_config


def test_a_config_over_a_packaged_one_keeps_all_that_it_does_not_say(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: deap\nname: mine\nuse: [EEG, GSR]\npretrain: {epochs: 3}\n")
    config, base = load_config(str(path)), load_config("deap")
    assert (config.name, config.pretrain.epochs, config.pretrain.lr) == ("mine", 3, base.pretrain.lr)
    assert config.signals == base.signals
    assert config.spec.shape == (33, 128)
    save_config(config, tmp_path / "config.yaml")  # what is stored needs no base
    assert load_config(str(tmp_path)) == config


def test_bases_may_have_bases_and_are_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("base: deap\nname: one\nseed: 4\n")
    (tmp_path / "two.yaml").write_text("base: one.yaml\nname: two\nlabels: {margin: 1}\n")
    config = load_config(str(tmp_path / "two.yaml"))
    assert (config.name, config.seed, config.labels.margin) == ("two", 4, 1.0)


@pytest.mark.parametrize("base", ["{base}", "3", "[deap]"])
def test_a_base_that_is_none_is_refused(tmp_path: Path, base: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"base: {base.format(base=path)}\nname: mine\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml: base: expected the name of another config"):
        load_config(str(path))


def test_a_circle_of_bases_is_refused(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.yaml").write_text(f"base: {tmp_path / other}.yaml\nname: {one}\n")
    with pytest.raises(ConfigError, match="base: expected the name of another config"):
        load_config(str(tmp_path / "a.yaml"))


def test_modalities_are_chosen_by_one_line_in_the_order_of_the_montage(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: deap\nname: mine\nuse: [Temp, EOG, EEG]\n")
    spec = load_config(str(path)).spec
    assert [modality.modality for modality in spec.modalities] == ["EEG", "EOG", "Temp"]
    assert spec.shape == (32 + 2 + 1, 128)
    path.write_text("base: deap\nname: mine\nuse: [EEG, ECG]\n")
    with pytest.raises(ConfigError, match=r"use: expected modalities out of EEG, EOG, .*found 'ECG'"):
        load_config(str(path))
