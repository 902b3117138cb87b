"""A run that starts from the model file which another laboratory gave away."""

import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from plugins.starting import go, signals, starting
from safetensors.torch import load_file
from torch import Tensor

from memhacl.export.card import METADATA_KEY, ModelCard
from memhacl.export.cli import export_run
from memhacl.export.graph import build_graph
from memhacl.runtime.report import model_warnings
from memhacl.runtime.session import Model
from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.parents.inherit import open_heritage
from memhacl.train.parents.parent import open_parent
from memhacl.train.restore import TrainedRun, load_run

pytestmark = pytest.mark.usefixtures("one_thread")

UNTIL_START = ("prepare", "split", "pretrain")
LESS = signals(("Pz", "Cz"), skin=False)
SHARED = {"encoder": "shared"}


@pytest.fixture(scope="module")
def lent(their_people: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Their run with one encoder for both tasks, and the file of it; torch's exporter takes its time."""
    run = tmp_path_factory.mktemp("lent") / "run"
    go(starting(signals(), name="theirs", **SHARED), their_people, run)
    export_run(run, run.parent / "theirs.onnx")
    return run, run.parent / "theirs.onnx"


def written(path: Path, weights: Mapping[str, Tensor], card: ModelCard | None, **training: Any) -> Path:
    """Write a file with ``weights`` and ``card``, changed in ``training``, and no graph to compute with."""
    stored = [onnx.numpy_helper.from_array(tensor.numpy(), name) for name, tensor in weights.items()]
    model = onnx.helper.make_model(onnx.helper.make_graph([], "weights", [], [], initializer=stored))
    if card is not None:
        changed = card.model_copy(update={"training": card.training.model_copy(update=training)})
        onnx.helper.set_model_props(model, {METADATA_KEY: changed.to_json()})
    onnx.save(model, path)
    return path


def card_of(run: TrainedRun) -> ModelCard:
    names = ("name", "spec", "tasks", "training")
    return ModelCard(**{name: getattr(run, name) for name in names}, temperature=run.temperatures)


def weights_of(run: TrainedRun) -> dict[str, Tensor]:
    """Weights by their names in the file of ``run``."""
    return build_graph(run.networks, run.mean, run.std, run.temperatures).state_dict()


@pytest.mark.slow
def test_file_and_folder_are_the_same_model(lent: tuple[Path, Path]) -> None:
    their_run, model_file = lent
    given, own = open_parent(str(model_file)), open_parent(str(their_run))
    assert given.network.key() == own.network.key()
    assert given.own.sha256 == hashlib.sha256(model_file.read_bytes()).hexdigest() == Model.load(model_file).sha256
    same = {"sha256": ""}
    assert given.own.model_copy(update=same) == own.own.model_copy(update=same)


@pytest.mark.slow
def test_a_run_takes_the_same_from_the_file_as_from_the_folder(
    lent: tuple[Path, Path], my_people: Path, tmp_path: Path
) -> None:
    their_run, model_file = lent
    go(starting(LESS, their_run), my_people, tmp_path / "run", UNTIL_START)
    kept = {path.name: load_file(path) for path in (tmp_path / "run" / "pretrain").glob("*.safetensors")}
    again = starting(LESS, model_file)
    assert "skipped" in go(again, my_people, tmp_path / "run", ("pretrain",))  # it is the same model
    go(again, my_people, tmp_path / "other", UNTIL_START)
    for name, weights in kept.items():
        found = load_file(tmp_path / "other" / "pretrain" / name)
        assert weights.keys() == found.keys()
        assert all(torch.equal(weights[each], found[each]) for each in weights)
    assert len(kept) == 1


@pytest.mark.slow
def test_the_line_from_file_to_file_is_told_to_who_uses_the_last(
    lent: tuple[Path, Path], my_people: Path, tmp_path: Path
) -> None:
    _, model_file = lent
    go(starting(LESS, model_file, tasks=("arousal",)), my_people, tmp_path / "run")
    export_run(tmp_path / "run", tmp_path / "second.onnx")
    model = Model.load(tmp_path / "second.onnx")
    [ancestor] = model.card.training.lineage
    assert (ancestor.name, ancestor.sha256) == ("theirs", Model.load(model_file).sha256)
    said = model_warnings(model.card)
    assert "started from 'theirs', a model trained on simulated people" in said
    assert "'theirs' was trained on EEG (Fz, Cz, Pz, Oz), GSR (GSR), this run has EEG (Pz, Cz)" in said
    assert model.predict(np.zeros((2, *LESS.shape), np.float32))["arousal"].shape == (2, 2)


def test_a_file_cannot_tell_whom_of_the_same_people_it_has_seen(
    their_run: Path, their_people: Path, tmp_path: Path
) -> None:
    run = load_run(their_run)
    file = written(tmp_path / "m.onnx", weights_of(run), card_of(run))
    with pytest.raises(DataError, match=r"trained on this run's data, and nothing tells .* give the run folder"):
        go(starting(LESS, file), their_people, tmp_path / "run", UNTIL_START)


@pytest.mark.parametrize(
    ("tuning", "said"),
    [
        ({}, "arousal with the encoder of arousal and its head"),
        ({"encoder": "shared"}, "arousal with the encoder of valence, arousal and its head"),
    ],
)
def test_encoders_are_known_by_their_place(
    their_people: Path, my_people: Path, tmp_path: Path, tuning: dict[str, Any], said: str
) -> None:
    go(starting(signals(), name="theirs", **tuning), their_people, tmp_path / "theirs")
    run = load_run(tmp_path / "theirs")
    path = written(tmp_path / "m.onnx", weights_of(run), card_of(run))
    assert open_parent(str(path)).network.key() == open_parent(str(tmp_path / "theirs")).network.key()
    assert said in go(starting(LESS, path, tasks=("arousal",)), my_people, tmp_path / "run", UNTIL_START)


def test_the_papers_encoder_goes_on_in_other_rows(their_people: Path, my_people: Path, tmp_path: Path) -> None:
    first = starting(signals(), name="theirs", network="resnet18-1d", tasks=("valence",))
    go(first, their_people, tmp_path / "first")
    run = load_run(tmp_path / "first")
    path = written(tmp_path / "m.onnx", weights_of(run), card_of(run))
    go(
        starting(signals(("Pz", "C3")), path, network="resnet18-1d", tasks=("valence",)),
        my_people,
        tmp_path / "second",
    )
    kept = load_file(tmp_path / "second" / "pretrain" / "init-0.safetensors")
    for name, tensor in run.networks["valence"].encoder.state_dict().items():
        assert name.endswith("num_batches_tracked") or torch.equal(kept[f"encoder.{name}"], tensor)
    second = load_run(tmp_path / "second")
    assert second.training["lineage"][0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert second.networks["valence"](torch.zeros(2, *second.spec.shape)).shape == (2, 2)


def test_files_that_do_not_tell_their_weights_are_refused(their_run: Path, tmp_path: Path) -> None:
    run = load_run(their_run)
    weights, card = weights_of(run), card_of(run)
    folded = {name: each for name, each in weights.items() if not name.startswith(("encoders.1", "heads.1"))}
    path = tmp_path / "m.onnx"
    for file, complaint in (
        (written(tmp_path / "none.onnx", weights, None), f"without the metadata '{METADATA_KEY}'"),
        (
            written(tmp_path / "old.onnx", weights, card, network={}),
            "a file of an older version; export the model again",
        ),
        (
            written(tmp_path / "masked.onnx", weights, card, method="masked"),
            "one of eegnet, me-mhacl, supervised, tsception, found method",
        ),
        (written(tmp_path / "new.onnx", weights, card, network={"depth": 3}), "unknown key 'depth'"),
        (written(tmp_path / "few.onnx", folded, card), "one for each task, under their names, found those of 1"),
        (Path(__file__), r"expected a model file .* found another file"),
    ):
        with pytest.raises(ConfigError, match=complaint) as problem:
            open_parent(str(file))
        assert str(problem.value).startswith(f"init: {file}: ")
        assert "\n" not in str(problem.value)
    lacking = {name: each for name, each in weights.items() if "norm" not in name}
    with pytest.raises(ConfigError, match="as this version has it, found others"):
        open_heritage(starting(LESS, written(path, lacking, card)), tmp_path / "run")


def test_without_the_package_onnx_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "m.onnx", {}, None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"run pip install 'memhacl\[export\]', or give the model's run folder"):
        open_parent(str(file))


def elsewhere(stored: onnx.TensorProto) -> None:
    """Say that the weights are in a file of the reader's folder."""
    stored.ClearField("raw_data")
    stored.data_location = onnx.TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="private.bin")


def cut(stored: onnx.TensorProto) -> None:
    stored.raw_data = stored.raw_data[:-4]


def endless(stored: onnx.TensorProto) -> None:
    del stored.dims[:]
    stored.dims.append(1 << 40)


def halves(stored: onnx.TensorProto) -> None:
    stored.data_type = onnx.TensorProto.INT16


def spoilt(stored: onnx.TensorProto) -> None:
    stored.raw_data = np.float32(np.nan).tobytes() + stored.raw_data[4:]


@pytest.mark.parametrize("harm", [elsewhere, cut, endless, halves, spoilt])
def test_weights_of_a_strangers_file_are_in_it_and_whole(
    their_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[onnx.TensorProto], None]
) -> None:
    run = load_run(their_run)
    path = written(tmp_path / "m.onnx", weights_of(run), card_of(run))
    model = onnx.load(path)
    stored = next(each for each in model.graph.initializer if each.name == "encoders.0.query")
    (tmp_path / "private.bin").write_bytes(stored.raw_data)
    monkeypatch.chdir(tmp_path)
    harm(stored)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match=r"expected finite float32 numbers in the file .* others") as problem:
        open_parent(str(path))
    assert str(problem.value).startswith(f"init: {path}: 'encoders.0.query': ")


def test_a_file_beyond_what_a_model_can_be_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "recording.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(ConfigError, match=r"expected a model file .* found another file"):
        open_parent(str(path))
