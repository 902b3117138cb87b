import json
from pathlib import Path

import numpy as np
import pytest
import torch
from plugins.crossvalidating import folded
from rich.console import Console

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.config import Config
from memhacl.train.crossvalidation.evaluation import Estimate
from memhacl.train.crossvalidation.refit import refit_job
from memhacl.train.crossvalidation.trainings import Training
from memhacl.train.folder import RunFolder
from memhacl.train.keys import STAGES, stage_keys
from memhacl.train.loops.fit import Fit, begin, epochs
from memhacl.train.loops.label_share import labels_of
from memhacl.train.loops.starts import Start
from memhacl.train.measure.calibration import out_of_fold_temperature
from memhacl.train.measure.predictions import load_seeds
from memhacl.train.restore import load_run
from memhacl.train.settings import load_config
from memhacl.train.stages import Pipeline

pytestmark = pytest.mark.usefixtures("one_thread")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_it_learns_from_everybody_as_long_as_the_folds_chose(compared: Path) -> None:
    split = read(compared / "final" / "split.json")
    assert split["rows"] == {"train": 48, "validation": 0, "test": 0, "left_out": 0}
    chosen = [read(path)["epochs"]["valence"] for path in compared.glob("folds/*/*/model/finetune/outcome.json")]
    assert len(chosen) == 4
    outcome = read(compared / "final" / "finetune" / "outcome.json")
    assert outcome["epochs"]["valence"] == round(np.median(chosen))
    assert outcome["used_trials"] == {"valence": 24}
    log = (compared / "final" / "finetune" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(log) == outcome["epochs"]["valence"]
    assert "validation" not in log[0]


def test_its_temperature_is_that_of_windows_that_no_fold_had_seen(compared: Path) -> None:
    seeds = load_seeds(compared / "evaluate" / "predictions.npz")
    fitted = out_of_fold_temperature(seeds)
    assert read(compared / "final" / "finetune" / "outcome.json")["temperatures"] == fitted
    assert load_run(compared).temperatures == fitted


def test_its_numbers_are_those_of_the_procedure(compared: Path) -> None:
    report = read(compared / "evaluate" / "metrics.json")
    training = load_run(compared / "final").training
    measured = report["tasks"]["valence"]["trial"]["model"]
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece"):
        assert training["metrics"][f"valence.trial.model.{name}"] == measured[name]
    low, high = measured["intervals"]["balanced_accuracy"]
    assert training["metrics"]["valence.trial.model.balanced_accuracy.low"] == low
    assert training["metrics"]["valence.trial.model.balanced_accuracy.high"] == high
    assert training["protocol"] == (
        "estimated by 2-fold cross-validation, 2 seeds: people unseen, stimuli seen; this model is refit on all 6 "
        "people"
    )
    assert (training["people"], training["stimuli"]) == (6, 4)
    assert any("simulated people" in warning for warning in training["warnings"])


def test_a_refit_has_no_numbers_of_its_own(plain: Path) -> None:
    final = plain / "final"
    with pytest.raises(DataError, match="a refit has no test windows"):
        Pipeline(load_config(str(final)), RunFolder(final), None, Console(quiet=True)).execute(
            "evaluate", force=True
        )
    assert (plain / "evaluate" / "metrics.json").is_file()


def fit(run: Path, tmp_path: Path, fixed: int) -> Fit:
    """Fine-tune in the folder of a finished run as it did, for ``fixed`` epochs or until validation has chosen."""
    work = Pipeline(load_config(str(run)), RunFolder(run), None, Console(quiet=True)).work
    made = begin(work, labels_of(work).classes, Start(), 0, fixed)
    for _ in epochs(work, made, tmp_path / "report.json"):
        pass
    return made


def test_a_fixed_number_of_epochs_is_the_same_course_without_the_choice(plain: Path, tmp_path: Path) -> None:
    run = plain / "folds" / "fold-00" / "seed-0" / "model"
    chosen = fit(run, tmp_path, 0)
    fixed = fit(run, tmp_path, chosen.best_epoch)
    assert fixed.best_epoch == fixed.epoch == chosen.best_epoch
    assert all(torch.equal(fixed.best[name], tensor) for name, tensor in chosen.best.items())


def left_by(folder: Path, fold: int, epochs: int, encoder: int) -> Training:
    """A fold's run as far as a refit looks at it: of four epochs of pretraining every second encoder was kept."""
    training = Training(fold, 0)
    run = training.path(folder)
    for stage in ("pretrain", "select", "finetune"):
        (run / stage).mkdir(parents=True)
    (run / "pretrain" / "outcome.json").write_text(json.dumps({"epochs": 6, "epoch": 5}), encoding="utf-8")
    for kept in (2, 4):
        (run / "pretrain" / f"epoch-{kept:04d}.safetensors").touch()
    name = "encoder.safetensors" if encoder == 5 else f"epoch-{encoder:04d}.safetensors"
    (run / "select" / "chosen.json").write_text(json.dumps({"valence": name}), encoding="utf-8")
    (run / "finetune" / "outcome.json").write_text(json.dumps({"epochs": {"valence": epochs}}), encoding="utf-8")
    return training


def pretraining_of(patience: int) -> Config:
    config = folded("me-mhacl")
    pretrain = config.pretrain.model_copy(update={"epochs": 9, "keep": 2, "patience": patience})
    return config.model_copy(update={"pretrain": pretrain})


def test_the_folds_also_chose_the_encoder_to_start_from_and_when_to_stop_pretraining(tmp_path: Path) -> None:
    chosen = ((1, 2), (3, 4), (3, 5))
    models = [left_by(tmp_path, fold, epochs, encoder) for fold, (epochs, encoder) in enumerate(chosen)]
    estimate = Estimate("k", {"valence": 1.5})
    patient = refit_job(pretraining_of(3), tmp_path, models, estimate).config
    assert patient.refit.epochs == {"valence": 3}
    assert patient.refit.encoders == {"valence": 4}
    assert (patient.pretrain.epochs, patient.pretrain.patience) == (4, 0)  # nobody is left to say when to stop
    whole = refit_job(pretraining_of(0), tmp_path, models, estimate).config
    assert (whole.pretrain.epochs, whole.refit.encoders) == (9, {"valence": 4})


def test_what_the_folds_chose_matters_to_the_stages_that_obey_it(plain: Path) -> None:
    config = load_config(str(plain / "final"))
    base = stage_keys(config, "a")
    assert base["evaluate"] == config.refit.estimate
    for update, first in (
        ({"epochs": {"valence": 3}}, "finetune"),
        ({"temperatures": {"valence": 9.0}}, "finetune"),
        ({"estimate": "other"}, "evaluate"),
    ):
        other = {"epochs": {"valence": 1}, "temperatures": {"valence": 1.0}} | update
        refit = config.refit.model_copy(update={"epochs": {"valence": 1}, "temperatures": {"valence": 1.0}})
        before = stage_keys(config.model_copy(update={"refit": refit}), "a")
        after = stage_keys(config.model_copy(update={"refit": refit.model_copy(update=other)}), "a")
        differ = [stage for stage in STAGES if before[stage] != after[stage]]
        assert differ[0] == first
        assert ("evaluate" in differ) == (first == "evaluate")  # the procedure's numbers are not the refit's
    ordinary = stage_keys(folded(), "a")
    assert [stage for stage in STAGES if ordinary[stage] != base[stage]] == [*STAGES[1:]]


@pytest.mark.parametrize(
    ("refit", "said"),
    [
        ({"epochs": {"arousal": 1}, "temperatures": {"valence": 1.0}}, "expected epochs of valence"),
        ({"epochs": {"valence": 1}}, "temperatures of valence"),
        ({"epochs": {"valence": 4}, "temperatures": {"valence": 1.0}}, r"expected 1 to finetune.epochs \(3\)"),
    ],
)
def test_half_a_refit_is_refused(refit: dict, said: str) -> None:
    values = folded().model_dump(mode="json") | {"refit": refit}
    with pytest.raises(ConfigError, match=said):
        Config.parse(values, "test")
