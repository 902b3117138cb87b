import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memhacl.export.card import METADATA_KEY, ModelCard
from memhacl.export.graph import DeployedGraph, build_graph
from memhacl.export.onnx_file import export_model
from memhacl.runtime.session import Model
from memhacl.stream.errors import ModelError

Windows = NDArray[np.float32]
MEAN, STD = np.zeros(4), np.ones(4)


@pytest.mark.parametrize("batch", [1, 5, 300])
def test_exported_model_predicts_what_torch_does_at_any_batch(
    exported: Path, graph: DeployedGraph, windows: Windows, batch: int
) -> None:
    signals = np.resize(windows, (batch, 4, 128))
    found = Model.load(exported).predict(signals)
    with torch.inference_mode():
        wanted = dict(zip(graph.tasks, graph(torch.from_numpy(signals)), strict=True))
    assert list(found) == ["valence", "quadrant"]
    for task, probabilities in found.items():
        np.testing.assert_allclose(probabilities, wanted[task].numpy(), atol=1e-5)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_file_alone_tells_all_and_nothing_of_this_machine(exported: Path, card: ModelCard) -> None:
    model = onnx.load(exported)
    assert [prop.key for prop in model.metadata_props] == [METADATA_KEY]
    assert model.metadata_props[0].value == card.to_json()
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    content = exported.read_bytes()
    here = (str(Path(__file__).parents[2]), str(Path.home()), tempfile.gettempdir(), "site-packages", ".py")
    assert [trace for trace in here if trace.encode() in content] == []
    assert [each.name for each in exported.parent.iterdir()] == ["model.onnx"]


def test_weights_stand_in_the_file_under_their_own_names(exported: Path, graph: DeployedGraph) -> None:
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(exported).graph.initializer}
    for name, value in graph.state_dict().items():
        if not name.endswith("num_batches_tracked"):  # counts what was seen, and serves nobody
            np.testing.assert_array_equal(stored[name], value.numpy(), err_msg=name)


def test_onnx_runtime_fuses_batch_normalisation_into_convolutions(exported: Path, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3  # it warns that the optimised file is for this machine alone
    onnxruntime.InferenceSession(str(exported), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("Conv") == 2  # one encoder for both tasks
    assert kinds.count("BatchNormalization") == 2  # those of the two heads, of a few numbers each


def test_exporter_says_nothing(
    graph: DeployedGraph, card: ModelCard, windows: Windows, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export_model(graph, card, windows, tmp_path / "m.onnx")
    assert capfd.readouterr() == ("", "")


def test_task_may_be_called_as_a_value_inside_the_graph_is(
    make_networks: Callable[[int], dict[str, nn.Module]], card: ModelCard, windows: Windows, tmp_path: Path
) -> None:
    names = dict(zip(card.tasks, ("mean", "relu"), strict=True))  # the scaling's buffer, a layer's output
    named = card.model_copy(
        update={
            "tasks": {names[task]: labels for task, labels in card.tasks.items()},
            "temperature": {names[task]: value for task, value in card.temperature.items()},
        }
    )
    networks = {names[task]: network for task, network in make_networks(1).items()}
    export_model(build_graph(networks, MEAN, STD, named.temperature), named, windows, tmp_path / "m.onnx")
    assert list(Model.load(tmp_path / "m.onnx").predict(windows)) == ["mean", "relu"]


class Fickle(nn.Module):
    """A head that computes otherwise when it is traced."""

    def forward(self, features: Tensor) -> Tensor:
        scale = 1.0 if torch.compiler.is_compiling() else 2.0
        return features[:, :2] * scale + torch.tensor([0.0, 1.0]) * scale


def test_graph_that_computes_something_else_is_not_written_and_the_old_file_stays(
    make_networks: Callable[[int], dict[str, nn.Module]], card: ModelCard, windows: Windows, tmp_path: Path
) -> None:
    networks = make_networks(1)
    networks["valence"].head = Fickle()
    path = tmp_path / "m.onnx"
    path.write_text("the model of yesterday")
    with pytest.raises(
        ModelError, match=r"within 0.0001, found a difference of 0\.\d+ for task 'valence' at batch"
    ):
        export_model(build_graph(networks, MEAN, STD, card.temperature), card, windows, path)
    assert path.read_text() == "the model of yesterday"
    assert list(tmp_path.iterdir()) == [path]


def test_card_with_a_local_path_is_refused(
    graph: DeployedGraph, card: ModelCard, windows: Windows, tmp_path: Path
) -> None:
    training = card.training.model_copy(update={"source": str(tmp_path / "deap")})
    with pytest.raises(ModelError, match="would carry the local path"):
        export_model(graph, card.model_copy(update={"training": training}), windows, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("shape", [(7, 4, 128), (16, 3, 128), (16, 4, 64), (16, 512)])
def test_windows_that_are_too_few_or_do_not_fit_are_refused(
    graph: DeployedGraph, card: ModelCard, shape: tuple[int, ...], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"expected at least 8 of \(4, 128\), found"):
        export_model(graph, card, np.zeros(shape, np.float32), tmp_path / "m.onnx")


def test_head_with_the_wrong_number_of_classes_is_refused(
    graph: DeployedGraph, card: ModelCard, windows: Windows, tmp_path: Path
) -> None:
    other = card.model_copy(
        update={"tasks": {"valence": ("low", "middle", "high"), "quadrant": card.tasks["quadrant"]}}
    )
    with pytest.raises(ModelError, match="head of 'valence': expected 3 classes"):
        export_model(graph, other, windows, tmp_path / "m.onnx")


def test_place_that_cannot_be_written_is_named(
    graph: DeployedGraph, card: ModelCard, windows: Windows, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match=r"m.onnx: cannot be written"):
        export_model(graph, card, windows, tmp_path / "file" / "m.onnx")
