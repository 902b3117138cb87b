"""What fine-tuning does with its settings, and that an interruption changes no number."""

import json
import math
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from plugins.interrupting import Interrupting, Stop
from plugins.pretraining import pretraining, run, work_of
from rich.console import Console
from safetensors.torch import load_file

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.config import Config
from memhacl.train.loops.finetune import finetune, load_groups, predict_logits
from memhacl.train.loops.fit import begin, epochs
from memhacl.train.loops.judge import score_tasks
from memhacl.train.loops.label_share import labels_of
from memhacl.train.loops.starts import Start, starting_points
from memhacl.train.loops.work import Work
from memhacl.train.progress import stage_bar
from memhacl.train.restore import load_run

pytestmark = pytest.mark.usefixtures("one_thread")


def tuning(**settings: Any) -> Config:
    """The tiny network of the pretraining tests, pretrained for an epoch; ``settings`` are the fine-tuning's."""
    config = pretraining(epochs=1)
    few = {"epochs": 3, "batch": 16, "encoder": "shared"}
    return config.model_copy(update={"finetune": config.finetune.model_copy(update=few | settings)})


@pytest.fixture(scope="module")
def pretrained(split_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with an encoder; `select`, which has nothing to choose, runs by itself."""
    folder = Path(shutil.copytree(split_people, tmp_path_factory.mktemp("finetune") / "run"))
    run(tuning(), folder, "pretrain")
    return folder


def log_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "finetune" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def outcome(folder: Path) -> dict[str, bytes]:
    """Every byte that fine-tuning left, but the picture."""
    return {path.name: path.read_bytes() for path in (folder / "finetune").iterdir() if path.suffix != ".png"}


def quiet(work: Work, starts: dict[str, Start], folder: Path) -> None:
    """Fine-tune into ``folder``, as the stage does."""
    folder.mkdir(parents=True, exist_ok=True)
    with stage_bar("finetune", Console(quiet=True)) as bar:
        finetune(work, starts, folder, bar)


@pytest.mark.parametrize("encoder", ["shared", "separate"])
def test_a_probe_moves_nothing_of_the_encoder_and_puts_one_layer_on_it(
    begun: Callable[[str], Path], encoder: str
) -> None:
    config, folder = tuning(mode="probe", encoder=encoder, lr=0.01, epochs=20), begun("run")
    run(config, folder, "finetune", "evaluate")
    pretrained = load_file(folder / "pretrain" / "encoder.safetensors")
    assert any(name.endswith("running_mean") for name in pretrained)
    trained = load_run(folder)
    for task, network in trained.networks.items():
        state = network.encoder.state_dict()
        assert state.keys() == pretrained.keys()
        assert all(torch.equal(state[name], pretrained[name]) for name in pretrained)
        assert isinstance(network.head, torch.nn.Linear)
        assert network.head.out_features == len(trained.tasks[task])
    first, *_, last = [line["loss"] for line in log_of(folder) if line["group"] in ("shared", "valence")]
    assert last < first


@pytest.mark.parametrize("mode", ["full", "probe"])
def test_what_is_loaded_scores_what_the_log_says_of_the_chosen_epoch(
    begun: Callable[[str], Path], mode: str
) -> None:
    config, folder = tuning(mode=mode, lr=0.01), begun("run")
    run(config, folder, "finetune")
    work = work_of(config, folder)
    groups, _ = load_groups(work, folder / "finetune")
    rows, classes = work.split.validation, {task: target.values for task, target in work.targets.items()}
    scores = score_tasks(predict_logits(groups["shared"], work.feed, rows), rows, classes)
    lines = log_of(folder)
    best = max(lines, key=lambda line: line["validation"])
    told = json.loads((folder / "finetune" / "outcome.json").read_text(encoding="utf-8"))
    assert told["epochs"] == {"shared": best["epoch"]}
    assert scores == pytest.approx(best["tasks"])


def test_hidden_labels_teach_nothing(split_people: Path, tmp_path: Path) -> None:
    few = tuning(labels=0.3)
    work = work_of(few, split_people)
    labels = labels_of(work)
    quiet(work, {"shared": Start()}, tmp_path / "few" / "finetune")
    # the same once more, all labels used, on a corpus in which the hidden ones are other than they were
    swapped = {
        task: replace(target, values=np.where(labels.classes[task] == target.values, target.values, -1))
        for task, target in work.targets.items()
    }
    unrated = replace(work, config=tuning())
    unrated.__dict__["targets"] = swapped
    quiet(unrated, {"shared": Start()}, tmp_path / "unrated" / "finetune")
    one, other = (load_file(tmp_path / name / "finetune" / "shared.safetensors") for name in ("few", "unrated"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    quiet(replace(work, config=tuning()), {"shared": Start()}, tmp_path / "all" / "finetune")
    whole = load_file(tmp_path / "all" / "finetune" / "shared.safetensors")
    assert any(not torch.equal(one[name], whole[name]) for name in one)


def test_the_share_of_labels_is_said_and_kept(begun: Callable[[str], Path]) -> None:
    folder = begun("run")
    said = run(tuning(labels=0.01, encoder="separate"), folder, "finetune")
    told = json.loads((folder / "finetune" / "outcome.json").read_text(encoding="utf-8"))
    assert told["used_trials"] == {"valence": 2, "arousal": 2, "quadrant": 4}
    total = told["labelled_trials"]["valence"]
    assert f"labels of trials: valence 2 of {total}, arousal 2 of {total}, quadrant 4 of {total}" in said


def test_the_rate_falls_along_a_cosine_and_stays_otherwise(begun: Callable[[str], Path]) -> None:
    folder = begun("run")
    run(tuning(epochs=4, schedule="cosine", lr=0.01), folder, "finetune")
    rates = [line["lr"] for line in log_of(folder)]
    assert rates == pytest.approx([0.01 * (1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(4)])
    run(tuning(epochs=4, lr=0.01, schedule="constant"), folder, "finetune")
    assert [line["lr"] for line in log_of(folder)] == [0.01] * 4


@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_gradients_are_clipped(split_people: Path, tmp_path: Path, clip: float) -> None:
    work = work_of(tuning(epochs=1, clip=clip), split_people)
    fit = begin(work, labels_of(work).classes, Start(), 0)
    list(epochs(work, fit, tmp_path / "report.json"))
    norm = float(torch.nn.utils.get_total_norm([p.grad for p in fit.group.parameters() if p.grad is not None]))
    assert norm == pytest.approx(clip, rel=1e-4) if clip else norm > 0.1  # of the last step


def test_patience_ends_a_group_and_not_the_others(begun: Callable[[str], Path]) -> None:
    folder = begun("run")
    said = run(tuning(epochs=40, patience=2, encoder="separate"), folder, "finetune")
    assert "up to 40 epochs; best on validation" in said
    told = json.loads((folder / "finetune" / "outcome.json").read_text(encoding="utf-8"))
    lines = log_of(folder)
    for group, best in told["epochs"].items():
        mine = [line for line in lines if line["group"] == group]
        assert len(mine) == best + 2 < 40
        assert max(line["validation"] for line in mine) == mine[best - 1]["validation"]


def test_a_loss_that_is_not_finite_tells_what_was_fed_until_it_is_mended(begun: Callable[[str], Path]) -> None:
    folder = begun("run")
    with pytest.raises(ConfigError, match=r"in epoch 1, step 2; lower --finetune\.lr .*finetune\.diverged\.json"):
        run(tuning(lr=1e30), folder, "finetune")
    told = json.loads((folder / "finetune.diverged.json").read_text(encoding="utf-8"))
    assert (told["epoch"], told["step"], told["blame"], told["simulated"]) == (1, 2, "optimisation", True)
    assert {"person", "stimulus"} <= told["windows"][0].keys()
    assert not (folder / "finetune").exists()
    run(tuning(), folder, "finetune")
    assert not (folder / "finetune.diverged.json").exists()


def test_weights_that_end_not_finite_are_never_kept(split_people: Path, tmp_path: Path) -> None:
    work = work_of(tuning(epochs=1, batch=2048), split_people)
    fit = begin(work, labels_of(work).classes, Start(), 0)
    weight = next(fit.group.parameters()).data
    fit.adam.register_step_post_hook(lambda *_: weight.fill_(math.nan))  # in the only step, after its loss
    with pytest.raises(ConfigError, match="finetune: weights are no longer finite in epoch 1, step 1"):
        next(epochs(work, fit, tmp_path / "report.json"))
    assert fit.best_epoch == 0


def test_it_starts_where_it_is_told(split_people: Path, tmp_path: Path) -> None:
    work = work_of(tuning(), split_people)
    classes = labels_of(work).classes
    fresh, given = begin(work, classes, Start(), 0).group, begin(work, classes, Start(), 1).group
    heads = {"valence": given.heads["task_valence"].state_dict()}
    filled = begin(work, classes, Start(given.encoder.state_dict(), heads), 0).group
    for name, tensor in filled.state_dict().items():
        told = name.startswith(("encoder.", "heads.task_valence."))
        assert torch.equal(tensor, (given if told else fresh).state_dict()[name])
    with pytest.raises(DataError, match=r"model\.onnx: does not hold this network's weights"):
        begin(work, classes, Start({"stem": torch.zeros(3)}, source=Path("model.onnx")), 0)
    with pytest.raises(DataError, match=r"chosen\.json: holds no choice .*run the stage 'select' with --force"):
        starting_points(work, tmp_path)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Config, Path, int], None]:
    """Fine-tune up to the n-th checkpoint: there is one after every epoch, and one after every group."""

    def until(config: Config, folder: Path, saves: int) -> None:
        Interrupting.left = saves
        monkeypatch.setattr("memhacl.train.loops.checkpoint._RARELY", 0.0)
        often = config.model_copy(update={"checkpoint": 1e-9})
        with monkeypatch.context() as patch:
            patch.setattr("memhacl.train.loops.finetune.Checkpoint", Interrupting)
            with pytest.raises(Stop):
                run(often, folder, "finetune")

    return until


# Everything at once that has a state: dropout, noise, a moving rate, several groups.
SETTINGS = {"epochs": 2, "schedule": "one-cycle", "noise": 0.3, "encoder": "separate", "clip": 1.0}


@pytest.fixture(scope="module")
def uninterrupted(pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What fine-tuning leaves under those settings."""
    folder = Path(shutil.copytree(pretrained, tmp_path_factory.mktemp("whole") / "run"))
    assert "went on" not in run(tuning(**SETTINGS), folder, "finetune")
    return outcome(folder)


@pytest.mark.parametrize(
    ("saves", "place"),
    [
        (1, "valence, after 1 epochs"),
        (3, "arousal, after 0 epochs"),
        (8, "quadrant, after 2 epochs"),
        (9, "nothing"),
    ],
)
def test_interrupted_after_an_epoch_or_a_group_it_goes_on_to_the_same_bytes(
    begun: Callable[[str], Path],
    interrupted: Callable[[Config, Path, int], None],
    uninterrupted: dict[str, bytes],
    saves: int,
    place: str,
) -> None:
    folder = begun("broken")
    interrupted(tuning(**SETTINGS), folder, saves)
    assert f"went on with {place}" in run(tuning(**SETTINGS), folder, "finetune")
    assert outcome(folder) == uninterrupted


def test_a_log_that_was_lost_begins_anew(
    begun: Callable[[str], Path],
    interrupted: Callable[[Config, Path, int], None],
    uninterrupted: dict[str, bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = begun("broken")
    interrupted(tuning(**SETTINGS), folder, 4)
    (folder / "finetune.partial" / "finetune" / "log.jsonl").unlink()
    assert "went on" not in run(tuning(**SETTINGS), folder, "finetune")
    assert any("begins anew" in message for message in caplog.messages)
    assert outcome(folder) == uninterrupted


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_in_the_same_bytes(begun: Callable[[str], Path]) -> None:
    config = tuning(**SETTINGS | {"epochs": 40}).model_copy(update={"checkpoint": 0.02})
    whole, killed = begun("whole"), begun("killed")
    run(config, whole, "finetune")
    path = killed.parent / "config.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    code = "import sys; from memhacl.train.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "finetune", str(path), "--out", str(killed)]
    checkpoint, dice = killed / "finetune.partial" / "checkpoint.pt", random.Random(time.time_ns())
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        seen, written, wanted = None, 0, dice.randint(1, 4)
        while process.poll() is None and written < wanted:
            now = checkpoint.stat().st_mtime_ns if checkpoint.exists() else None
            written += now != seen
            seen = now
            time.sleep(dice.random() / 500)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (killed / "finetune").exists()
    assert "went on with" in run(config, killed, "finetune")
    assert outcome(killed) == outcome(whole)
    assert not list(killed.glob("*.partial"))
