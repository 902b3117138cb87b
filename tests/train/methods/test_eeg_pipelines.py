"""The networks that see EEG alone, in the ordinary pipeline: trained, chosen on validation, exported."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from plugins.starting import go, signals
from safetensors.torch import load_file

from memhacl.export.cli import export_run
from memhacl.train.config import Config
from memhacl.train.parents.parent import open_parent
from memhacl.train.settings import load_config, with_method

EEG = ("F3", "F4", "O1", "O2", "Cz")
PLAIN = {  # nothing but what the network needs, the scaling before it and the softmax after it
    *("Sub", "Div", "Softmax", "Constant", "Slice", "Unsqueeze", "Squeeze", "Reshape", "Shape", "Concat"),
    *("Conv", "Pad", "BatchNormalization", "AveragePool", "Elu", "LeakyRelu", "Relu", "Mul", "Gemm"),
    *("GatherND", "Transpose", "ReduceMean"),
}


def trained_by(method: str) -> Config:
    config = with_method(load_config("demo", method), method, {}, "test")
    update = {
        "signals": signals(EEG),
        "labels": config.labels.model_copy(update={"tasks": ("valence", "arousal")}),
        "protocol": config.protocol.model_copy(update={"validation": 0.2, "test": 0.3}),
        "finetune": config.finetune.model_copy(update={"epochs": 3, "batch": 16, "lr": 0.05}),
        "evaluate": config.evaluate.model_copy(update={"baselines": ("majority",), "resamples": 100}),
        "device": "cpu",
    }
    return config.model_copy(update=update)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("method", ["eegnet", "tsception"])
def test_it_trains_selects_and_exports_like_any_method(method: str, their_people: Path, tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "model.onnx"
    said = go(trained_by(method), their_people, run)
    assert f"method '{method}' does not pretrain" in said
    lines = [json.loads(line) for line in (run / "finetune" / "log.jsonl").read_text("utf-8").splitlines()]
    outcome = json.loads((run / "finetune" / "outcome.json").read_text(encoding="utf-8"))
    for task in ("valence", "arousal"):
        scores = [line["validation"] for line in lines if task in line["tasks"]]
        assert len(scores) == 3
        assert outcome["epochs"][task] == 1 + int(np.argmax(scores))
    if method == "eegnet":  # also in the file that training left, whatever the rate of learning
        weights = load_file(run / "finetune" / "valence.safetensors")
        filters = weights["encoder.spatial.0.weight"].flatten(1).norm(dim=1)
        classes = next(value for name, value in weights.items() if name.startswith("heads.") and value.ndim == 2)
        assert filters.max() <= 1 + 1e-5
        assert torch.as_tensor(classes).norm(dim=1).max() <= 0.25 + 1e-5
    export_run(run, file)  # compares with torch on real windows
    assert {node.op_type for node in onnx.load(file).graph.node} <= PLAIN
    assert open_parent(str(file)).network.key() == open_parent(str(run)).network.key()  # others can go on from it
