"""The whole of pretraining, and the command, in two processes of torchrun.

This file is also the script that torchrun runs for the comparison in float64.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import yaml
from numpy.typing import NDArray
from plugins.pretraining import pretraining, run
from plugins.torchrun import finish, start
from rich.console import Console
from safetensors.torch import load_file
from torch import Tensor

from memhacl.train.cli import dispatch
from memhacl.train.config import Config
from memhacl.train.corpus.scaling import load_scale
from memhacl.train.corpus.store import load_corpus
from memhacl.train.loops.distributed import joined
from memhacl.train.loops.pretrain import pretrain
from memhacl.train.loops.work import Feed, Work
from memhacl.train.methods.registry import build_method
from memhacl.train.progress import stage_bar
from memhacl.train.protocols import load_split

COMMAND = ("-m", "memhacl.train.cli")


def without_chance(**settings: Any) -> Config:
    """A pretraining without dropout, whose minibatches of three clips two processes cannot share evenly."""
    config = pretraining(**settings)
    method = config.method.settings | {"dropout": 0.0, "clips": 3}
    return config.model_copy(update={"method": config.method.model_copy(update={"settings": method})})


class Exact(Feed):
    """Windows in float64."""

    def __call__(self, rows: NDArray[np.int64]) -> Tensor:
        return super().__call__(rows).double()


def exact(run: Path) -> None:
    """Pretrain in float64 from what lies in the folder ``run``, with all that decides while it goes on."""
    torch.set_default_dtype(torch.float64)
    config = without_chance(epochs=4, lr=1e-4, clip=1.0, patience=3, keep=2, schedule="cosine")
    corpus, scale = load_corpus(run / "corpus"), load_scale(run / "scale.npz")
    method = build_method(config.method.name, config.method.settings, corpus.spec)
    feed = Exact(corpus, scale, torch.device("cpu"))
    work = Work(config, method, corpus, load_split(run / "split.json", corpus), scale, feed)
    (run / "exact.partial" / "pretrain").mkdir(parents=True, exist_ok=True)
    with stage_bar("pretrain", Console(quiet=True)) as bar:
        pretrain(work, run / "exact.partial" / "pretrain", bar)


@pytest.fixture
def float64() -> Iterator[None]:
    yield
    torch.set_default_dtype(torch.float32)


def log_of(folder: Path) -> list[dict[str, Any]]:
    """Lines of the log without times."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread", "float64")
def test_two_processes_pretrain_as_one_does(new_run: Callable[[str], Path]) -> None:
    alone, together = new_run("alone"), new_run("together")
    exact(alone)
    code, _, errors = finish(start(2, __file__, str(together)))
    assert code == 0, errors
    one, two = (folder / "exact.partial" / "pretrain" for folder in (alone, together))
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    for first, second in zip(log_of(one), log_of(two), strict=True):
        assert second == pytest.approx(first, rel=1e-10, abs=1e-10)
    for name in ("epoch-0002.safetensors", "epoch-0004.safetensors", "encoder.safetensors"):
        first, second = load_file(one / name), load_file(two / name)
        assert list(first) == list(second)
        for weight in first:
            torch.testing.assert_close(second[weight], first[weight], rtol=1e-10, atol=1e-10, msg=weight)


def written(config: Config, folder: Path) -> str:
    path = folder.parent / "pretraining.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    return str(path)


def kill_first(torchrun: subprocess.Popen[str], checkpoint: Path) -> None:
    """Kill the first process, which writes, when it has written three checkpoints."""
    seen: set[int] = set()
    while len(seen) < 3:
        assert torchrun.poll() is None, torchrun.communicate()[1]
        if checkpoint.exists():
            seen.add(checkpoint.stat().st_mtime_ns)
        time.sleep(0.001)
    for worker in psutil.Process(torchrun.pid).children():
        if worker.environ().get("RANK") == "0":
            worker.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_killed_they_end_and_go_on_from_the_checkpoint_of_both(new_run: Callable[[str], Path]) -> None:
    whole, killed = new_run("whole"), new_run("killed")
    config = pretraining(epochs=8, patience=8).model_copy(update={"checkpoint": 0.01})
    asked = (*COMMAND, "pretrain", written(config, whole), "--out")
    assert finish(start(2, *asked, str(whole)))[0] == 0
    torchrun = start(2, *asked, str(killed))
    kill_first(torchrun, killed / "pretrain.partial" / "checkpoint.pt")
    assert finish(torchrun)[0] != 0
    alone = shutil.copytree(killed, killed.parent / "alone")
    code, _, errors = finish(start(2, *asked, str(killed)))
    assert code == 0
    assert errors.count("; went on from epoch") == 1
    one, two = (folder / "pretrain" for folder in (whole, killed))
    assert log_of(one) == log_of(two)
    assert (one / "encoder.safetensors").read_bytes() == (two / "encoder.safetensors").read_bytes()
    said = subprocess.run(
        [sys.executable, *asked[:-1], "--out", str(alone)], capture_output=True, text=True, check=True
    ).stderr
    assert "the checkpoint is of 2 processes, and 1 go on" in said
    assert "; went on from epoch" in said
    assert len(log_of(alone / "pretrain")) == 8


@pytest.mark.slow
def test_the_command_speaks_once_and_leaves_what_one_process_leaves(new_run: Callable[[str], Path]) -> None:
    alone, together = new_run("alone"), new_run("together")
    config = without_chance(epochs=2)
    config = config.model_copy(update={"finetune": config.finetune.model_copy(update={"epochs": 1})})
    run(config, alone, "pretrain", "select", "finetune", "evaluate")
    data = alone.parent / "people.yaml"
    data.write_text("subjects: 7\nstimuli: 6\nrest: 3\nseconds: 4\nseed: 1\n", encoding="utf-8")
    asked = (*COMMAND, "run", written(config, together), "--data", str(data), "--out", str(together))
    code, output, errors = finish(start(2, *asked))
    assert code == 0, errors
    assert output.count("Simulated people") == 1
    assert [errors.count(f"{stage} ") for stage in ("prepare", "split", "pretrain", "finetune")] == [1, 1, 1, 1]
    files = [
        {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        for folder in (alone, together)
    ]
    assert files[0] == files[1]
    first, second = (log_of(folder / "pretrain")[0]["loss"] for folder in (alone, together))
    assert second == pytest.approx(first, rel=1e-2)  # float32, whose rounding Adam's first steps enlarge


@pytest.mark.slow
def test_a_mistake_that_the_first_process_finds_ends_the_others_and_is_said_once(tmp_path: Path) -> None:
    code, _, errors = finish(start(2, *COMMAND, "pretrain", "demo", "--out", str(tmp_path / "run")))
    assert code == 1
    assert errors.count("no corpus has been prepared here; give the data with --data") == 1
    assert errors.count("Traceback") == 1  # torchrun's own
    assert not (tmp_path / "run").exists()


def test_a_mistake_in_the_arguments_is_said_by_one_process_of_a_machine(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit, match="2"):
        dispatch(["run", "demo", "--out", "run", "--pretrain.epochs", "many"])
    with pytest.raises(SystemExit, match="0"):
        dispatch(["run", "demo", "--help"])
    assert capfd.readouterr() == ("", "")


if __name__ == "__main__":
    with joined("cpu"):
        exact(Path(sys.argv[1]))
