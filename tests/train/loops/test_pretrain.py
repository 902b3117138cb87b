"""What pretraining leaves and says: log, kept and chosen encoders, held-out accuracy, divergence."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plugins.pretraining import pretraining, run
from rich.console import Console
from safetensors.torch import load_file

from memhacl.stream.errors import ConfigError
from memhacl.train.config import Config
from memhacl.train.corpus.store import load_corpus
from memhacl.train.folder import RunFolder
from memhacl.train.loops.course import Course
from memhacl.train.loops.divergence import Fed, Watch
from memhacl.train.loops.held_out import HeldOut
from memhacl.train.loops.reproduce import deterministic
from memhacl.train.loops.run_log import RunLog
from memhacl.train.loops.work import Work
from memhacl.train.stages import Pipeline

pytestmark = pytest.mark.usefixtures("one_thread")

NewRun = Callable[[str], Path]


def log_of(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "pretrain" / "log.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def work_of(config: Config, folder: Path) -> Work:
    return Pipeline(config, RunFolder(folder), None, Console(quiet=True)).work


def outcome_of(folder: Path) -> dict[str, int]:
    outcome: dict[str, int] = json.loads((folder / "pretrain" / "outcome.json").read_text(encoding="utf-8"))
    return outcome


def test_each_epoch_has_a_line_and_the_figure_that_counts_stands_beside_chance(new_run: NewRun) -> None:
    folder = new_run("run")
    run(pretraining(epochs=3), folder)
    lines = log_of(folder)
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    for line in lines:
        assert line["steps"] == 3
        assert line["seconds"] > 0
        assert line["chance"] == line["validation_apart_chance"] == pytest.approx(1 / 7)  # 4 clips
        for name in ("accuracy", "validation_meiosis_accuracy", "validation_apart_accuracy"):
            assert 0 <= line[name] <= 1
        for name in ("loss", "validation_meiosis_loss", "validation_apart_loss"):
            assert line[name] > 0
    assert (folder / "pretrain" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert outcome_of(folder) == {"epochs": 3, "epoch": 3}


def test_the_rate_is_constant_or_falls_to_nothing_as_a_cosine(new_run: NewRun) -> None:
    constant, cosine = new_run("constant"), new_run("cosine")
    run(pretraining(epochs=4), constant)
    run(pretraining(epochs=4, schedule="cosine"), cosine)
    assert [line["lr"] for line in log_of(constant)] == [1e-3] * 4
    last_steps = np.array([3, 6, 9, 12]) - 1  # of the epochs
    expected = 1e-3 * (0.5 + 0.5 * np.cos(math.pi * last_steps / 12))
    np.testing.assert_allclose([line["lr"] for line in log_of(cosine)], expected, rtol=1e-12)


def test_a_clipped_gradient_moves_the_weights_no_further_than_its_norm_allows(new_run: NewRun) -> None:
    folders = {name: new_run(name) for name in ("start", "clipped", "free")}
    run(pretraining(epochs=0), folders["start"])
    run(pretraining(epochs=1, clip=1e-12), folders["clipped"])  # far below the epsilon of Adam: it hardly steps
    run(pretraining(epochs=1), folders["free"])
    weights = {
        name: load_file(folder / "pretrain" / "encoder.safetensors")["stem.0.weight"]
        for name, folder in folders.items()
    }
    assert (weights["clipped"] - weights["start"]).abs().max() < 1e-6
    assert (weights["free"] - weights["start"]).abs().max() > 1e-4
    assert log_of(folders["clipped"])[0]["gradient_norm"] > 0.1  # as it was
    assert "gradient_norm" not in log_of(folders["free"])[0]


def test_every_nth_encoder_is_kept_and_the_last_is_the_encoder(new_run: NewRun) -> None:
    folder = new_run("run")
    run(pretraining(epochs=4, keep=2), folder)
    kept = {path.name: path.read_bytes() for path in (folder / "pretrain").glob("*.safetensors")}
    assert kept.keys() == {"encoder.safetensors", "epoch-0002.safetensors", "epoch-0004.safetensors"}
    assert kept["encoder.safetensors"] == kept["epoch-0004.safetensors"] != kept["epoch-0002.safetensors"]


def test_without_a_better_accuracy_it_stops_and_the_best_is_the_encoder(new_run: NewRun) -> None:
    folder = new_run("run")
    said = run(pretraining(epochs=50, keep=1, patience=3), folder)
    scores = [line["validation_apart_accuracy"] for line in log_of(folder)]
    best = int(np.argmax(scores))  # the first of the highest
    assert len(scores) == best + 1 + 3 < 50
    assert outcome_of(folder) == {"epochs": best + 4, "epoch": best + 1}
    kept = folder / "pretrain" / f"epoch-{best + 1:04d}.safetensors"
    assert (folder / "pretrain" / "encoder.safetensors").read_bytes() == kept.read_bytes()
    assert f"encoder of epoch {best + 1} (contrastive accuracy {max(scores):.3f} on validation people)" in said


def test_patience_counts_epochs_that_were_measured(new_run: NewRun) -> None:
    work = work_of(pretraining(epochs=400, patience=1), new_run("run"))
    held_out, course = HeldOut(work), Course(work, RunLog(new_run("log") / "log.jsonl"))
    assert [epoch for epoch in range(1, 400) if held_out.due(epoch)] == list(range(4, 400, 4))
    assert HeldOut(work_of(pretraining(epochs=401), new_run("odd"))).due(401)  # the last, always
    given_up = []
    for course.epoch in range(1, 9):
        if held_out.due(course.epoch):
            course.note_score(0.5)
        given_up.append(course.given_up())
    assert given_up == [False] * 7 + [True]  # the second measurement was no better than the first


def test_measuring_is_always_the_same_and_changes_nothing(new_run: NewRun) -> None:
    work = work_of(pretraining(), new_run("run"))
    course, held_out = Course(work, RunLog(new_run("log") / "log.jsonl")), HeldOut(work)
    before = {name: tensor.clone() for name, tensor in course.learner.state_dict().items()}
    random = torch.get_rng_state()
    first = held_out.measure(course.learner)
    assert torch.equal(torch.get_rng_state(), random)
    assert course.learner.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in course.learner.state_dict().items())
    torch.rand(7)
    assert held_out.measure(course.learner) == first


def few(config: Config) -> Config:
    """A split with one validation person, who cannot be compared with anybody."""
    return config.model_copy(update={"protocol": config.protocol.model_copy(update={"validation": 0.1})})


def test_with_too_few_validation_people_nothing_is_measured_and_that_is_said_once(
    new_run: NewRun, caplog: pytest.LogCaptureFixture
) -> None:
    folder = new_run("run")
    run(few(pretraining()), folder, "split", "pretrain")
    assert not any(name.startswith("validation") for line in log_of(folder) for name in line)
    assert sum("too few validation people" in message for message in caplog.messages) == 1
    with pytest.raises(ConfigError, match=r"pretrain\.patience: too few validation people .*; set it to 0"):
        run(few(pretraining(patience=2)), folder)


def test_a_divergence_is_told_with_what_was_fed_and_forgotten_once_mended(new_run: NewRun) -> None:
    folder = new_run("run")
    with pytest.raises(ConfigError, match=r"what was fed is finite, from -.* deviations; see .*diverged\.json$"):
        run(pretraining(lr=1e30, clip=1.0), folder)
    report = json.loads((folder / "pretrain.diverged.json").read_text(encoding="utf-8"))
    assert (report["what"], report["blame"], report["simulated"]) == ("loss", "optimisation", True)
    assert (report["epoch"], report["step"], report["lr"]) == (1, 2, 1e30)
    assert report["loss"] in ("nan", "inf") or report["loss"] > 1e20
    assert report["gradient_norm"] > 0
    assert len(report["windows"]) == 4 * 2
    assert report["windows"][0].keys() == {"row", "person", "stimulus", "hop", "not_finite"}
    corpus = load_corpus(folder / "corpus")
    assert tuple(report["channels"]) == corpus.spec.channels
    for window in report["windows"]:
        index = corpus.index[window["row"]]
        assert window["person"] == corpus.manifest.people[index["subject"]]
        assert window["stimulus"] == corpus.manifest.stimuli[index["stimulus"]]
    for channel in report["channels"].values():
        assert channel["not_finite"] == 0
        assert channel["min"] < channel["mean"] < channel["max"]
    run(pretraining(), folder)
    assert not (folder / "pretrain.diverged.json").exists()


def spoil(folder: Path, work: Work, value: float, channels: slice) -> int:
    """Put ``value`` into a training window in the middle of somebody's; return its row."""
    subject, train = work.corpus.index["subject"], work.split.train
    within = train[subject[train - 1] == subject[(train + 1) % len(subject)]]  # opening a corpus checks the edges
    row = int(within[len(within) // 2])
    windows = np.load(folder / "corpus" / "windows.npy", mmap_mode="r+")
    windows[row, channels] = value
    windows.flush()
    return row


def test_data_that_is_not_finite_is_blamed_and_named(new_run: NewRun) -> None:
    folder = new_run("run")
    work = work_of(pretraining(), folder)
    row = spoil(folder, work, math.inf, slice(3, 4))
    index = work.corpus.index[row]
    person = work.corpus.manifest.people[index["subject"]]
    with pytest.raises(ConfigError, match=rf"128 samples that were fed are not finite.* AF4 of person {person}"):
        run(pretraining(), folder)
    report = json.loads((folder / "pretrain.diverged.json").read_text(encoding="utf-8"))
    assert report["blame"] == "data"
    assert report["channels"]["AF4"]["not_finite"] == 128
    assert report["gradient_norm"] is None or report["step"] > 1
    assert {window["row"]: window["not_finite"] for window in report["windows"]}[row] == 128


def test_a_modality_that_is_not_there_is_no_fault_of_the_data(new_run: NewRun) -> None:
    folder = new_run("run")
    gsr = work_of(pretraining(), folder).corpus.spec.rows["GSR"]
    row = spoil(folder, work_of(pretraining(), folder), math.nan, gsr)
    fed = Fed(work_of(pretraining(), folder), np.array([[row]]), "pretrain")
    assert fed.bad == 0
    assert fed.tell()["channels"]["GSR"]["not_finite"] == 128
    assert "--pretrain.lr" in fed.advice()


def test_weights_that_are_not_finite_reach_no_checkpoint(new_run: NewRun) -> None:
    folder = new_run("run")
    wild = pretraining(lr=1e39).model_copy(update={"checkpoint": 1e-9})  # infinite in float32
    with pytest.raises(ConfigError, match="weights are no longer finite in epoch 1, step 1"):
        run(wild, folder)
    assert not list(folder.glob("*.partial"))
    report = json.loads((folder / "pretrain.diverged.json").read_text(encoding="utf-8"))
    assert report["what"] == "weights"
    assert report["gradient_norm"] > 0


def test_among_losses_that_a_gpu_collected_the_first_bad_one_is_found(new_run: NewRun) -> None:
    folder = new_run("run")
    work = work_of(pretraining(), folder)
    course = Course(work, RunLog(folder / "log.jsonl"))
    watch = Watch(work, course, folder / "report.json")
    watch._most = 50
    for course.epoch, course.step, loss in ((1, 2, 1.0), (2, 0, 1.0), (2, 1, math.nan), (2, 2, math.nan)):
        watch.see(torch.tensor(loss), torch.tensor(float(course.step)))
    with pytest.raises(ConfigError, match="the loss became nan in epoch 2, step 2;"):
        watch.check()
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert [window["row"] for window in report["windows"]] == next(course.rows_of(2, 1)).reshape(-1).tolist()
    assert report["gradient_norm"] == 1.0


def test_deterministic_operations_are_asked_for_and_given_back(new_run: NewRun) -> None:
    before = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    with deterministic(True):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.deterministic
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"]
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic
    assert os.environ.get("CUBLAS_WORKSPACE_CONFIG") == before
    plain, exact = new_run("plain"), new_run("exact")
    run(pretraining(), plain)
    run(pretraining().model_copy(update={"deterministic": True}), exact)
    names = ("pretrain/encoder.safetensors",)
    assert all((plain / name).read_bytes() == (exact / name).read_bytes() for name in names)


def test_half_the_precision_keeps_weights_whole_and_learns_nearly_the_same(new_run: NewRun) -> None:
    whole, half = new_run("whole"), new_run("half")
    run(pretraining(), whole)
    run(pretraining(precision="bfloat16"), half)
    weights = load_file(half / "pretrain" / "encoder.safetensors")
    assert {tensor.dtype for tensor in weights.values()} <= {torch.float32, torch.int64}
    losses = [log_of(folder)[0]["loss"] for folder in (whole, half)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, when it loads its compiler
def test_compile_without_a_compiler_is_said_in_one_line(
    new_run: NewRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("/no/compiler/here",))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # nothing that was compiled before
    torch.compiler.reset()
    try:
        with pytest.raises(ConfigError, match=r"compile: .*No working C\+\+ compiler found.*leave --compile away"):
            run(pretraining(epochs=1).model_copy(update={"compile": True}), new_run("run"))
    finally:
        torch.compiler.reset()
