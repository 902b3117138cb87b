import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from plugins.crossvalidating import PEOPLE, folded, go
from scipy.special import softmax

from memhacl.export.card import METADATA_KEY, ModelCard
from memhacl.export.cli import export_run
from memhacl.runtime.session import Model
from memhacl.stream.errors import DataError
from memhacl.train.measure.calibration import out_of_fold_temperature
from memhacl.train.measure.predictions import load_seeds
from memhacl.train.restore import load_run

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds and the refit of a small network."""
    folder = tmp_path_factory.mktemp("folds")
    (folder / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    assert go(folded(), folder / "folds", folder / "people.yaml")[0] == 0
    return folder / "folds"


@pytest.fixture(scope="module")
def exported(folds: Path) -> Path:
    export_run(folds, folds.parent / "model.onnx")
    return folds.parent / "model.onnx"


def test_probabilities_are_the_refits_logits_over_the_temperature_out_of_fold(folds: Path, exported: Path) -> None:
    run, model = load_run(folds / "final"), Model.load(exported)
    temperature = out_of_fold_temperature(load_seeds(folds / "evaluate" / "predictions.npz"))["valence"]
    assert model.card.temperature == {"valence": temperature}
    standard = (run.windows - run.mean[:, None]) / run.std[:, None]
    with torch.inference_mode():
        logits = run.networks["valence"](torch.from_numpy(standard)).numpy()
    said = model.predict(run.windows)["valence"]
    np.testing.assert_allclose(said, softmax(logits / temperature, axis=1), atol=1e-5)
    assert abs(temperature - 1) > 0.01  # else this would tell nothing


def test_the_card_says_what_the_procedure_is_worth(folds: Path, exported: Path) -> None:
    training = Model.load(exported).card.training
    report = json.loads((folds / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    for level in ("window", "trial"):
        for who, measures in report["tasks"]["valence"][level].items():
            for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece"):
                assert training.metrics.get(f"valence.{level}.{who}.{name}") == measures[name]
            low, high = measures["intervals"]["balanced_accuracy"]
            assert training.metrics[f"valence.{level}.{who}.balanced_accuracy.low"] == low
            assert training.metrics[f"valence.{level}.{who}.balanced_accuracy.high"] == high
    assert training.protocol == (
        "estimated by 2-fold cross-validation: people unseen, stimuli seen; this model is refit on all 6 people"
    )
    assert training.people == 6
    assert any("simulated" in warning for warning in training.warnings)


def test_the_refits_own_folder_gives_the_same_file(folds: Path, exported: Path, tmp_path: Path) -> None:
    export_run(folds / "final", tmp_path / "model.onnx")
    first, second = (onnx.load(path) for path in (exported, tmp_path / "model.onnx"))
    assert first.graph == second.graph
    assert card_in(first) == card_in(second)


def card_in(model: onnx.ModelProto) -> ModelCard:
    text = next(entry.value for entry in model.metadata_props if entry.key == METADATA_KEY)
    return ModelCard.from_json(text, "test")


def test_folds_without_a_refit_are_not_exported(folds: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folds, tmp_path / "folds", symlinks=True))
    shutil.rmtree(copy / "final")
    with pytest.raises(
        DataError, match=r"has not been refit on everybody; run memhacl-train crossvalidate .*--out"
    ):
        export_run(copy, tmp_path / "model.onnx")


def test_numbers_that_are_no_longer_those_of_the_folds_are_not_exported(folds: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folds, tmp_path / "folds", symlinks=True))
    stages = json.loads((copy / "stages.json").read_text(encoding="utf-8"))
    stages["evaluate"]["key"] = "of others"
    (copy / "stages.json").write_text(json.dumps(stages), encoding="utf-8")
    with pytest.raises(DataError, match=r"stage 'evaluate' has not run .* run memhacl-train crossvalidate"):
        export_run(copy, tmp_path / "model.onnx")
