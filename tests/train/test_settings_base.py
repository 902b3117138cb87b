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


@pytest.mark.parametrize(
    ("base", "match"),
    [
        ("3", "expected the name of another config or a file, found 3"),
        ("[deap]", "expected the name of another config or a file"),
        ("nowhere", "nowhere: expected a file beside it or one of amigos"),
        ("mine.yaml", "expected another config, found one that leads back here"),
    ],
)
def test_a_base_that_is_none_is_refused(tmp_path: Path, base: str, match: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"base: {base}\nname: mine\n")
    with pytest.raises(ConfigError, match=rf"mine\.yaml: base: {match}"):
        load_config(str(path))


def test_a_packaged_base_is_not_a_run_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deap").mkdir()
    config = load_config("deap").model_copy(update={"seed": 77})
    save_config(config, tmp_path / "deap" / "config.yaml")
    assert load_config("deap-four").seed == 0


def test_classes_and_thresholds_of_a_base_are_replaced_and_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "base: wesad\nname: mine\n"
        "labels: {classes: {condition: {calm: [baseline, amusement], stressed: [stress]}}}\n"
    )
    assert set(load_config(str(path)).labels.classes["condition"]) == {"calm", "stressed"}


def test_another_method_than_the_bases_keeps_the_settings_that_it_has_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: mahnob-hci\nname: mine\nmethod: {name: supervised}\n")
    settings = load_config(str(path)).method.settings
    assert settings["width"] == 1.0
    assert "clips" not in settings


def test_a_circle_of_bases_is_refused(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.yaml").write_text(f"base: {tmp_path / other}.yaml\nname: {one}\n")
    with pytest.raises(ConfigError, match="base: expected another config, found one that leads back here"):
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
