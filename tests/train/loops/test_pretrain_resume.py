"""A pretraining that is interrupted, by a kill or by hand, ends in the very numbers of one that was not."""

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from plugins.interrupting import Interrupting, Stop
from plugins.pretraining import pretraining, run

from memhacl.train.config import Config

pytestmark = pytest.mark.usefixtures("one_thread")

# Everything at once that has a state: dropout, a falling rate, the best encoder so far, kept encoders.
SETTINGS = {"epochs": 40, "schedule": "cosine", "clip": 2.0, "patience": 35, "keep": 7}
OFTEN = 0.02  # s between checkpoints, as far as they are cheap
NewRun = Callable[[str], Path]
Interrupt = Callable[[Config, Path, int], None]
Moment = Callable[[int], bool]  # whether it has come, after so many checkpoints


def outcome(folder: Path) -> dict[str, Any]:
    """What a pretraining left, without the times."""
    log = (folder / "pretrain" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    weights = {path.name: path.read_bytes() for path in (folder / "pretrain").glob("*.safetensors")}
    lines = [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in log]
    return {"log": lines, "outcome": (folder / "pretrain" / "outcome.json").read_text(encoding="utf-8"), **weights}


def often(config: Config) -> Config:
    return config.model_copy(update={"checkpoint": OFTEN})


def start(config: Config, folder: Path) -> subprocess.Popen[str]:
    """Run the real command on ``folder``."""
    path = folder.parent / "pretraining.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    ctrl_c = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # not so in the background
    code = f"{ctrl_c}; import sys; from memhacl.train.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "pretrain", str(path), "--out", str(folder)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def interrupt(process: subprocess.Popen[str], folder: Path, how: signal.Signals, when: Moment) -> bool:
    """Send ``how`` to ``process`` when it has written so many checkpoints; False where it ended before."""
    checkpoint = folder / "pretrain.partial" / "checkpoint.pt"
    seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else None
    written = 0
    while process.poll() is None and not when(written):
        now = checkpoint.stat().st_mtime_ns if checkpoint.exists() else seen
        written, seen = written + (now != seen), now
        time.sleep(0.0005)
    process.send_signal(how)
    process.communicate()
    return process.returncode != 0


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_in_the_same_numbers(new_run: NewRun) -> None:
    config, whole, killed = often(pretraining(**SETTINGS)), new_run("whole"), new_run("killed")
    run(config, whole)
    some = random.Random(time.time_ns()).randint(1, 4)
    partial = killed / "pretrain.partial" / "checkpoint.pt.partial"
    moments: list[tuple[signal.Signals, Moment]] = [
        (signal.SIGINT, lambda written: written > 0),
        (signal.SIGKILL, lambda written: written > 0 and partial.exists()),  # while one is being written
        (signal.SIGKILL, lambda written: written >= some),
    ]
    interrupted = 0
    for how, when in moments:
        if not interrupt(start(config, killed), killed, how, when):
            break
        interrupted += 1
        assert not (killed / "pretrain").exists()
        assert (killed / "pretrain.partial" / "checkpoint.pt").exists()
    assert interrupted  # the last ones may come too late on a slow disk
    said = run(config, killed)
    assert re.search(r"; went on from epoch \d+, step \d+", said) or interrupted < 3
    assert outcome(killed) == outcome(whole)
    assert not list(killed.glob("*.partial"))


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Run a pretraining up to its n-th checkpoint, of which there is one after every step."""

    def until(config: Config, folder: Path, saves: int) -> None:
        Interrupting.left = saves
        monkeypatch.setattr("memhacl.train.loops.checkpoint._RARELY", 0.0)
        at_every_step = config.model_copy(update={"checkpoint": 1e-9})
        with monkeypatch.context() as patch:
            patch.setattr("memhacl.train.loops.pretrain.Checkpoint", Interrupting)
            with pytest.raises(Stop):
                run(at_every_step, folder)

    return until


@pytest.mark.parametrize("step", [1, 2, 3, 4])  # an epoch has three steps
def test_after_every_step_of_an_epoch_it_goes_on(new_run: NewRun, interrupted: Interrupt, step: int) -> None:
    config = pretraining(epochs=3, keep=1, patience=3, clip=1.0)
    run(config, new_run("whole"))
    folder = new_run("broken")
    interrupted(config, folder, step)
    said = run(config, folder)
    assert f"; went on from epoch {1 + (step - 1) // 3}, step {1 + (step - 1) % 3}" in said
    assert outcome(folder) == outcome(folder.parent / "whole")


def test_it_goes_on_across_changes_that_decide_no_result_and_begins_anew_after_others(
    new_run: NewRun, interrupted: Interrupt
) -> None:
    config, folder = pretraining(epochs=3), new_run("broken")
    interrupted(config, folder, 4)
    named = config.model_copy(update={"name": "other", "checkpoint": 7.0})
    assert "went on from epoch 2" in run(named, folder)
    interrupted(pretraining(epochs=4), folder, 4)
    assert "went on" not in run(pretraining(epochs=5), folder)


def test_a_damaged_checkpoint_is_said_and_costs_the_work_alone(
    new_run: NewRun,
    interrupted: Interrupt,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config, whole, folder = pretraining(epochs=3, keep=1), new_run("whole"), new_run("broken")
    run(config, whole)
    interrupted(config, folder, 7)
    path = folder / "pretrain.partial" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-500])
    caplog.clear()
    assert "went on" not in run(config, folder)
    assert sum("checkpoint.pt: is damaged" in message for message in caplog.messages) == 1
    assert outcome(folder) == outcome(whole)


def test_a_log_that_was_lost_or_a_checkpoint_of_another_network_begins_anew(
    new_run: NewRun,
    interrupted: Interrupt,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config, whole, folder = pretraining(epochs=3), new_run("whole"), new_run("broken")
    run(config, whole)
    interrupted(config, folder, 7)
    (folder / "pretrain.partial" / "pretrain" / "log.jsonl").write_text("", encoding="utf-8")
    assert "went on" not in run(config, folder)
    assert any("begins anew" in message for message in caplog.messages)
    assert outcome(folder) == outcome(whole)
    other = new_run("other")
    interrupted(config, other, 7)
    path = other / "pretrain.partial" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    state["learner"] = {name: weight[..., :1] for name, weight in state["learner"].items() if weight.dim() > 1}
    torch.save(state, path)
    assert "went on" not in run(config, other)
    assert outcome(other) == outcome(whole)
