"""The choice among the encoders that pretraining kept."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plugins.pretraining import pretraining, run, work_of
from rich.console import Console
from safetensors.torch import load_file

from memhacl.stream.errors import DataError
from memhacl.train.config import Config
from memhacl.train.corpus.labels import Target
from memhacl.train.loops.finetune import finetune
from memhacl.train.loops.select import best_encoders, kept_encoders, select
from memhacl.train.loops.starts import start_at
from memhacl.train.loops.work import Feed, Work
from memhacl.train.progress import Bar, stage_bar
from memhacl.train.settings import with_method

pytestmark = pytest.mark.usefixtures("one_thread")

KEPT = {"epochs": 3, "keep": 2}
ENCODERS = {"epoch-0002.safetensors": 2, "encoder.safetensors": 3}


def choosing(runs: int = 2, pretrain: dict[str, Any] = KEPT, **settings: Any) -> Config:
    """Two encoders of a tiny network to choose from; ``settings`` are the fine-tuning's."""
    config = pretraining(**pretrain)
    few = {"epochs": 2, "batch": 16, "encoder": "separate"}
    return config.model_copy(
        update={
            "finetune": config.finetune.model_copy(update=few | settings),
            "labels": config.labels.model_copy(update={"tasks": ("valence", "arousal")}),
            "select": config.select.model_copy(update={"runs": runs}),
        }
    )


@pytest.fixture(scope="module")
def pretrained(split_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with two encoders."""
    folder = Path(shutil.copytree(split_people, tmp_path_factory.mktemp("select") / "run"))
    run(choosing(), folder, "pretrain")
    return folder


def scores_of(folder: Path) -> Any:
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))


def chosen_in(folder: Path) -> Any:
    return json.loads((folder / "select" / "chosen.json").read_text(encoding="utf-8"))


def select_into(work: Work, pretrained: Path, folder: Path) -> None:
    """Choose into ``folder``, as the stage does."""
    folder.mkdir(parents=True, exist_ok=True)
    with stage_bar("select", Console(quiet=True)) as bar:
        select(work, pretrained / "pretrain", folder, bar)


def test_every_score_is_that_of_a_whole_fine_tuning_with_the_seed_that_is_told(
    begun: Callable[[str], Path], tmp_path: Path
) -> None:
    config, folder = choosing(), begun("run")
    said = run(config, folder, "select")
    assert "2 encoders x 2 runs x 2 groups of tasks: 8 fine-tunings of up to 2 epochs" in said
    table = scores_of(folder / "select")
    assert table["simulated"] is True
    assert table["seeds"] == [0, 1000]
    assert {name: encoder["epoch"] for name, encoder in table["encoders"].items()} == ENCODERS
    work = work_of(config.model_copy(update={"seed": 1000}), folder)
    into = tmp_path / "again" / "finetune"
    into.mkdir(parents=True)
    with stage_bar("finetune", Console(quiet=True)) as bar:
        start = start_at(folder / "pretrain" / "epoch-0002.safetensors")
        finetune(work, {"valence": start, "arousal": start}, into, bar)
    lines = [json.loads(line) for line in (into / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    for group, summary in table["encoders"]["epoch-0002.safetensors"]["groups"].items():
        assert summary["scores"][1] == max(line["validation"] for line in lines if line["group"] == group)
        assert summary["mean"] == pytest.approx(np.mean(summary["scores"]))
        assert summary["sd"] == pytest.approx(np.std(summary["scores"], ddof=1))
    means = {
        group: {name: encoder["groups"][group]["mean"] for name, encoder in table["encoders"].items()}
        for group in ("valence", "arousal")
    }
    assert chosen_in(folder) == {group: max(by, key=lambda name: by[name]) for group, by in means.items()}
    assert sorted(path.name for path in (folder / "select").iterdir()) == [
        "chosen.json",
        "curve.png",
        "scores.json",
    ]


def test_the_best_mean_wins_and_of_equals_the_one_that_was_trained_least() -> None:
    scores = {
        "epoch-0010.safetensors": {"valence": [0.9, 0.1], "arousal": [0.7, 0.7]},
        "epoch-0020.safetensors": {"valence": [0.6, 0.6], "arousal": [0.7, 0.7]},
        "encoder.safetensors": {"valence": [0.6, 0.5], "arousal": [0.1, 0.7]},
    }
    best = best_encoders(scores)
    assert best == {"valence": "epoch-0020.safetensors", "arousal": "epoch-0010.safetensors"}


def test_each_group_starts_at_the_encoder_that_was_chosen_for_it(begun: Callable[[str], Path]) -> None:
    config, folder = choosing(mode="probe"), begun("run")
    run(config, folder, "select")
    chosen = {"valence": "epoch-0002.safetensors", "arousal": "encoder.safetensors"}
    (folder / "select" / "chosen.json").write_text(json.dumps(chosen), encoding="utf-8")
    run(config, folder, "finetune")
    for group, name in chosen.items():
        tuned = load_file(folder / "finetune" / f"{group}.safetensors")
        expected = load_file(folder / "pretrain" / name)
        assert all(torch.equal(tuned[f"encoder.{key}"], tensor) for key, tensor in expected.items())


class Spoilt(Feed):
    """Windows of which some rows are other than they were."""

    def __init__(self, feed: Feed, rows: np.ndarray):
        self.__dict__ |= feed.__dict__
        self._rows = rows

    def __call__(self, rows: np.ndarray) -> torch.Tensor:
        windows = super().__call__(rows)
        windows[torch.from_numpy(np.isin(rows, self._rows))] += 100
        return windows


def contrary(target: Target, rows: np.ndarray) -> Target:
    """The other class for ``rows``."""
    values = target.values.copy()
    values[rows] = 1 - values[rows]
    return replace(target, values=values)


def test_test_rows_change_nothing_of_the_choice_and_validation_rows_do(pretrained: Path, tmp_path: Path) -> None:
    work = work_of(choosing(), pretrained)
    select_into(work, pretrained, tmp_path / "one" / "select")
    for part, equal in (("test", True), ("validation", False)):
        rows = getattr(work.split, part)
        other = replace(work, feed=Spoilt(work.feed, rows))
        other.__dict__["targets"] = {task: contrary(target, rows) for task, target in work.targets.items()}
        select_into(other, pretrained, tmp_path / part / "select")
        same = scores_of(tmp_path / part / "select") == scores_of(tmp_path / "one" / "select")
        assert same == equal


class Stop(Exception):
    """What interrupts a choice."""


class Stopping(Bar):
    """Interrupts after the third fine-tuning."""

    counted = 0

    def step(self, note: str) -> None:
        Stopping.counted += 1
        if Stopping.counted == 3:
            raise Stop


class Counting(Bar):
    """Knows how many fine-tunings there were to do."""

    expected = 0

    def start(self, steps: int, what: str = "") -> None:
        Counting.expected = steps


def test_interrupted_it_goes_on_after_the_last_fine_tuning_that_was_whole(
    begun: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, whole, folder = choosing(), begun("whole"), begun("broken")
    run(config, whole, "select")
    with monkeypatch.context() as patch:
        patch.setattr(Bar, "step", Stopping.step)
        with pytest.raises(Stop):
            run(config, folder, "select")
    done = sorted((folder / "select.partial" / "select").glob("*.json"))
    assert len(done) == 3
    done[0].write_text(done[0].read_text(encoding="utf-8")[:7], encoding="utf-8")  # a disk that was full
    with monkeypatch.context() as patch:
        patch.setattr(Bar, "start", Counting.start)
        run(config, folder, "select")
    assert Counting.expected == 6  # of 8
    assert scores_of(folder / "select") == scores_of(whole / "select")
    assert not (folder / "select.partial").exists()


def test_without_several_encoders_nothing_is_chosen_and_that_is_said(begun: Callable[[str], Path]) -> None:
    last = {"valence": "encoder.safetensors", "arousal": "encoder.safetensors"}
    folder = begun("one")
    said = run(choosing(pretrain={"epochs": 1, "keep": 0}), folder, "pretrain", "select")
    assert "nothing to choose: pretraining kept its last encoder only" in said
    assert chosen_in(folder) == last
    same = choosing(pretrain={"epochs": 1, "keep": 1})  # the one that is kept is the last
    said = run(same, folder, "pretrain", "select")
    assert "nothing to choose: pretraining kept its last encoder only" in said
    assert chosen_in(folder) == last
    supervised = with_method(choosing(), "supervised", {"width": 0.0625}, "test")
    said = run(supervised, folder, "pretrain", "select", "finetune")
    assert "nothing to choose: method 'supervised' does not pretrain" in said
    assert chosen_in(folder) == {"valence": None, "arousal": None}


def test_fine_tuning_makes_no_long_choice_by_itself(begun: Callable[[str], Path]) -> None:
    folder = begun("run")
    with pytest.raises(DataError, match="'finetune' needs 'select', which has not run"):
        run(choosing(), folder, "finetune")
    short = choosing(pretrain={"epochs": 1, "keep": 0})
    said = run(short, folder, "pretrain", "finetune")
    assert "nothing to choose" in said
    joint = short.model_copy(update={"finetune": short.finetune.model_copy(update={"encoder": "shared"})})
    run(joint, folder, "finetune")  # other groups: a choice that is due again
    assert chosen_in(folder) == {"shared": "encoder.safetensors"}


def test_an_encoder_that_was_kept_twice_is_fine_tuned_once(tmp_path: Path) -> None:
    for name in ("epoch-0010", "epoch-0020", "epoch-10000", "encoder"):
        (tmp_path / f"{name}.safetensors").touch()
    outcome = tmp_path / "outcome.json"
    outcome.write_text('{"epochs": 30, "epoch": 20}', encoding="utf-8")  # the best, not the last
    assert list(kept_encoders(tmp_path).items()) == [
        ("epoch-0010.safetensors", 10),
        ("encoder.safetensors", 20),
        ("epoch-10000.safetensors", 10000),
    ]
    outcome.unlink()
    with pytest.raises(DataError, match=r"holds no outcome .*run the stage 'pretrain' with --force"):
        kept_encoders(tmp_path)
