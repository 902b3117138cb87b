"""Both methods through the contract that loops and export use."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from plugins.montage import eeg_of
from torch import nn

from memhacl.stream.errors import ConfigError
from memhacl.train.methods.contract import Clips, Method
from memhacl.train.methods.registry import build_method, methods

NAMES = ("me-mhacl", "supervised")  # those with the same network
ALL = ("eegnet", "me-mhacl", "supervised", "tsception")


def test_the_methods_are_known_by_name() -> None:
    assert tuple(sorted(methods)) == ALL
    for name in NAMES:
        method = build_method(name, {}, eeg_of((35, 128)))
        assert isinstance(method, Method)
        assert method.name == name
        assert method.shape == (35, 128)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "mhacl",
            {},
            "method.name: unknown method 'mhacl'; expected one of eegnet, me-mhacl, supervised, tsception",
        ),
        ("me-mhacl", {"widht": 1}, "method.settings of 'me-mhacl': unknown key 'widht'; did you mean 'width'?"),
        ("me-mhacl", {"width": 0.1}, "width: expected a multiple of 1/64"),
        ("me-mhacl", {"clips": 1}, "clips: Input should be greater than or equal to 2 (found 1)"),
        ("me-mhacl", {"heads": 7}, "heads: 7 do not divide the projector's 4096 features"),
        ("me-mhacl", {"split": [0.8, 0.2]}, "split: expected 0 <= first <= last <= 1"),
        ("me-mhacl", {"last_kernel": "5"}, "last_kernel: Input should be '5x5' or '5x1' (found '5')"),
        ("supervised", {"members": 2}, "method.settings of 'supervised': unknown key 'members'"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(name: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as problem:
        build_method(name, settings, eeg_of((35, 128)))
    assert message in str(problem.value)
    assert "\n" not in str(problem.value)


def test_any_heads_do_without_attention() -> None:
    assert build_method("me-mhacl", {"heads": 7, "attention": False}, eeg_of((35, 128)))


def test_supervised_does_not_pretrain_and_says_so() -> None:
    method = build_method("supervised", {"width": 0.125}, eeg_of((35, 128)))
    assert not method.pretrains
    assert method.sampler(Clips(np.arange(4), np.zeros(4, dtype=np.int64)), 0) is None
    with pytest.raises(ConfigError, match="'supervised' learns from labels alone"):
        method.objective(64)
    with pytest.raises(ConfigError, match="'supervised' learns from labels alone"):
        method.views(torch.zeros(2, 35, 128), torch.Generator())


def test_supervised_has_the_same_network() -> None:
    ours, theirs = (build_method(name, {"width": 0.125}, eeg_of((11, 128))) for name in NAMES)
    assert shapes(ours.encoder()) == shapes(theirs.encoder())
    assert shapes(ours.head(64, 4)) == shapes(theirs.head(64, 4))


def shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


def toy_corpus(people: int, clips: int, shape: tuple[int, int]) -> tuple[torch.Tensor, Clips]:
    """Windows of people who each add noise to what the clip evokes in all of them."""
    rng = np.random.default_rng(0)
    evoked = np.repeat(rng.standard_normal((clips, shape[0], shape[1] // 8)), 8, axis=2)
    subject, clip = (part.ravel() for part in np.meshgrid(np.arange(people), np.arange(clips)))
    windows = evoked[clip] + 1.2 * rng.standard_normal((people * clips, *shape))
    return torch.from_numpy(windows.astype(np.float32)), Clips(subject, clip)


@pytest.mark.usefixtures("one_thread")
def test_pretraining_learns_which_people_saw_the_same_clip() -> None:
    torch.manual_seed(0)
    windows, known = toy_corpus(people=8, clips=16, shape=(6, 64))
    method = build_method("me-mhacl", {"width": 0.125, "dropout": 0.0}, eeg_of((6, 64)))
    encoder = method.encoder()
    objective = method.objective(int(encoder.features))  # type: ignore[arg-type]
    sampler = method.sampler(known, seed=0)
    assert sampler is not None
    adam = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    accuracies = []
    for number in range(30):
        for rows in sampler.epoch(number):
            outcome = method.pretrain_step(encoder, objective, method.views(windows[rows], generator))
            adam.zero_grad()
            outcome.loss.backward()
            adam.step()
            accuracies.append(outcome.metrics["accuracy"])
    assert np.mean(accuracies[:10]) < 0.3  # chance is 1/15
    assert np.mean(accuracies[-10:]) > 0.4


class Whole(nn.Module):
    def __init__(self, encoder: nn.Module, head: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.encoder(signals))
        return logits


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch's own, inside its exporter
def test_encoder_and_head_give_the_same_in_onnx_runtime(tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = build_method("me-mhacl", {"width": 0.125}, eeg_of((35, 128)))
    encoder = method.encoder()
    whole = Whole(encoder, method.head(int(encoder.features), 4))  # type: ignore[arg-type]
    whole(torch.randn(16, 35, 128))  # running statistics other than the initial ones
    whole.eval()
    path = tmp_path / "model.onnx"
    torch.onnx.export(
        whole,
        (torch.randn(2, 35, 128),),
        path,
        input_names=["signals"],
        dynamo=True,
        dynamic_shapes=({0: "batch"},),
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for size in (1, 2, 7):
        signals = torch.randn(size, 35, 128)
        (found,) = session.run(None, {"signals": signals.numpy()})
        with torch.inference_mode():
            np.testing.assert_allclose(found, whole(signals).numpy(), atol=1e-4)
