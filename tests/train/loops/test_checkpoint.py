import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from memhacl.train.loops.checkpoint import Checkpoint


class Clock:
    """A clock that stands still unless it is told; ``cost`` passes while something is written."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cost = 0.0

    def __call__(self) -> float:
        self.now += self.cost
        return self.now


class Loop:
    """A network as a loop's whole state."""

    def __init__(self, size: int = 3):
        self.net = nn.Linear(size, 1)

    def load_state(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["net"])


STATE = {
    "weights": torch.arange(6.0).reshape(2, 3),
    "random": np.random.default_rng(3).bit_generator.state,
    "place": {
        "epoch": 3,
        "steps": [1, 2],
        "score": -float("inf"),
        "name": "apart",
        "none": None,
        "pair": (1, 2.5),
    },
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else bool(one == other)


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", 60)
    assert checkpoint.load() is None
    checkpoint.save(STATE)
    state = Checkpoint(tmp_path / "checkpoint.pt", 60).load()
    assert state is not None
    assert same(state, STATE)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_it_is_due_by_time_and_takes_a_twentieth_of_it_at_most(tmp_path: Path) -> None:
    clock = Clock()
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", 60, clock)
    assert not checkpoint.due()
    clock.now = 60.0
    assert checkpoint.due()
    checkpoint.save(STATE)
    clock.now = 119.0
    assert not checkpoint.due()
    clock.now = 120.0
    assert checkpoint.due()
    clock.cost = 10.0  # s: a large network on a slow disk
    checkpoint.save(STATE)
    ended, clock.cost = clock.now, 0.0
    clock.now = ended + 199.0
    assert not checkpoint.due()
    clock.now = ended + 200.0
    assert checkpoint.due()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "checkpoint.pt"
    Checkpoint(path, 60).save(STATE)
    return path.read_bytes()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255), cut=st.booleans())
def test_damage_never_goes_unseen_and_never_is_a_traceback(
    written: bytes, tmp_path: Path, place: float, bits: int, cut: bool
) -> None:
    path, at = tmp_path / "checkpoint.pt", int(place * len(written))
    path.write_bytes(written[:at] if cut else written[:at] + bytes([written[at] ^ bits]) + written[at + 1 :])
    state = Checkpoint(path, 60).load()
    assert state is None or same(state, STATE)  # a byte that means nothing may be another


def test_a_file_that_would_run_code_is_not_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"net": Evil()}, tmp_path / "checkpoint.pt", pickle_module=pickle)
    assert Checkpoint(tmp_path / "checkpoint.pt", 60).load() is None
    assert not (tmp_path / "ran").exists()
    assert len(caplog.messages) == 1
    assert "checkpoint.pt: is damaged" in caplog.messages[0]


@pytest.mark.parametrize("content", [b"", b"PK", {"net": {"weight": torch.zeros(1, 4)}}, {"other": 1}, [1, 2]])
def test_what_does_not_fit_is_said_in_one_warning_and_the_loop_begins_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: Any
) -> None:
    path = tmp_path / "checkpoint.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    made: list[Loop] = []

    def begin() -> Loop:
        torch.manual_seed(0)
        made.append(Loop())
        return made[-1]

    loop, resumed = Checkpoint(path, 60).resume(begin)
    assert not resumed
    torch.manual_seed(0)
    assert torch.equal(loop.net.weight, Loop().net.weight)
    assert loop is made[-1]
    assert len(caplog.messages) == 1
    assert "the stage begins anew" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]


def test_one_that_fits_is_gone_on_with(tmp_path: Path) -> None:
    loop = Loop()
    Checkpoint(tmp_path / "checkpoint.pt", 60).save({"net": loop.net.state_dict()})
    again, resumed = Checkpoint(tmp_path / "checkpoint.pt", 60).resume(Loop)
    assert resumed
    assert torch.equal(again.net.weight, loop.net.weight)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_disk_that_is_full_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", 60)
    checkpoint.save(STATE)
    (tmp_path / "checkpoint.pt.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        checkpoint.save({"weights": torch.ones(10**6)})
    (tmp_path / "checkpoint.pt.partial").unlink()
    state = checkpoint.load()
    assert state is not None
    assert same(state, STATE)
