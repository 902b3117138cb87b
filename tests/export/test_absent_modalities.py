"""Models that can do without modalities: the graph, the comparison before the file gets its name, the card."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from plugins.tolerant import TASKS, card_of, graph_of, three, windows_of
from torch import Tensor, nn

from memhacl.export.card import ModelCard
from memhacl.export.check import with_absent
from memhacl.export.graph import DeployedGraph
from memhacl.export.onnx_file import export_model
from memhacl.runtime.session import Model
from memhacl.stream.errors import ModelError
from memhacl.stream.spec import SignalSpec

SPEC = three()


def missing(windows: np.ndarray, spec: SignalSpec) -> set[frozenset[str]]:
    """Which modalities are absent, over all windows; each is there or absent as a whole."""
    found = set()
    for window in windows:
        lost = {name: np.isnan(window[rows]) for name, rows in spec.rows.items()}
        assert all(part.all() == part.any() for part in lost.values())
        found.add(frozenset(name for name, part in lost.items() if part.all()))
    return found


def check(model: Model, graph: DeployedGraph) -> None:
    """The same as torch whichever modality is absent, never NaN, and it matters which."""
    windows = windows_of(SPEC, 5)
    cases = [windows]
    for rows in SPEC.rows.values():
        cases.append(windows.copy())
        cases[-1][:, rows] = np.nan
    answers = []
    for case in cases:
        found = model.predict(case)
        with torch.inference_mode():
            wanted = dict(zip(TASKS, graph(torch.from_numpy(case)), strict=True))
        for task in TASKS:
            np.testing.assert_allclose(found[task], wanted[task].numpy(), atol=1e-5)
        assert all(np.abs(found["valence"] - other).max() > 1e-4 for other in answers)
        answers.append(found["valence"])


@pytest.mark.usefixtures("one_thread")
def test_the_attention_encoders_file_predicts_without_a_modality_what_torch_does(tolerant_file: Path) -> None:
    check(Model.load(tolerant_file), graph_of(SPEC))


@pytest.mark.usefixtures("one_thread")
def test_the_papers_encoders_file_predicts_without_a_modality_what_torch_does(tmp_path: Path) -> None:
    graph = graph_of(SPEC, "resnet18-1d")
    export_model(graph, card_of(SPEC, tuple(SPEC.rows)), windows_of(SPEC), tmp_path / "m.onnx")
    check(Model.load(tmp_path / "m.onnx"), graph)


def test_every_modality_alone_and_all_but_it_are_compared_whatever_is_there() -> None:
    spec = three()
    for absent_ok in ((), ("GSR",), ("GSR", "Temp"), ("EEG", "GSR", "Temp")):
        windows = windows_of(spec)
        compared = with_absent(windows, card_of(spec, absent_ok))
        np.testing.assert_array_equal(compared[: len(windows)], windows)
        cases = missing(compared, spec)
        assert cases >= {frozenset(), *(frozenset([name]) for name in absent_ok)}
        assert all(case <= set(absent_ok) and len(case) < 3 for case in cases)
        if len(absent_ok) > 1:
            assert max(map(len, cases)) == 2
        assert len(compared) == (16 if absent_ok else 8)
    assert len(missing(with_absent(windows_of(spec, 1), card_of(spec, ("EEG", "GSR", "Temp"))), spec)) == 7


class Deaf(nn.Module):
    """Its encoder has never heard of absent modalities: NaN in, NaN out."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(4 * 128, 6))
        self.head = nn.Linear(6, 2)

    def forward(self, windows: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(windows))
        return logits


def test_a_card_that_promises_more_than_its_network_can_is_not_written(tmp_path: Path) -> None:
    card = card_of(SPEC, ("GSR",))
    graph = DeployedGraph({task: Deaf() for task in TASKS}, np.zeros(4, np.float32), np.ones(4, np.float32),
                          dict.fromkeys(TASKS, 1.0)).eval()  # fmt: skip
    with pytest.raises(ModelError, match="expected finite probabilities for every window, also"):
        export_model(graph, card, windows_of(SPEC), tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_old_cards_say_nothing_and_mean_none() -> None:
    values = json.loads(card_of(SPEC, ("GSR",)).to_json())
    assert ModelCard.from_json(json.dumps(values), "m.onnx").absent_ok == ("GSR",)
    del values["absent_ok"]
    assert ModelCard.from_json(json.dumps(values), "m.onnx").absent_ok == ()


def test_a_card_cannot_spare_what_it_does_not_have() -> None:
    values = json.loads(card_of(SPEC, ()).to_json()) | {"absent_ok": ["GSR", "Resp"]}
    with pytest.raises(ModelError, match=r"absent_ok: expected modalities out of EEG, GSR, Temp, found 'Resp'"):
        ModelCard.from_json(json.dumps(values), "m.onnx")
