import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from plugins.crossvalidating import folded, go, learnt

from memhacl.stream.errors import DataError
from memhacl.train.corpus.store import load_corpus
from memhacl.train.folder import alone
from memhacl.train.measure.permutation import permutation_p
from memhacl.train.measure.predictions import load_predictions, load_seeds
from memhacl.train.protocols import load_folds
from memhacl.train.restore import load_run
from memhacl.train.settings import save_config

pytestmark = pytest.mark.usefixtures("one_thread")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_window_is_tested_once_by_who_has_not_seen_its_person(plain: Path) -> None:
    said = load_predictions(plain / "evaluate" / "predictions.npz")["valence"]
    corpus = load_corpus(plain / "corpus")
    assert len(said) == len(corpus.index)
    assert len(set(zip(said.trial.tolist(), said.start.tolist(), strict=True))) == len(said)
    for number, fold in enumerate(load_folds(plain / "folds.json", corpus)):
        run = plain / "folds" / f"fold-{number:02d}" / "seed-0" / "model"
        assert read(run / "split.json")["units"] == read(plain / "folds.json")["folds"][number]["units"]
        tested = set(said.subject[said.fold == number].tolist())
        assert tested == set(fold.units["subject"]["test"])
        assert not tested & set(fold.units["subject"]["train"])
        own = load_predictions(run / "evaluate" / "predictions.npz")["valence"]
        np.testing.assert_array_equal(
            said.of(said.fold == number).probabilities["model"], own.probabilities["model"]
        )


def test_all_runs_share_one_corpus_and_can_be_moved_with_it(plain: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(plain, tmp_path / "moved", symlinks=True))
    assert [path.is_symlink() for path in sorted(moved.rglob("windows.npy"))] == [False]
    runs = [*moved.glob("folds/*/*/*"), moved / "final"]
    assert all((run / "corpus").resolve() == (moved / "corpus").resolve() for run in runs)
    before = {path: path.stat().st_mtime_ns for path in moved.rglob("*") if path.is_file()}
    failed, said = go(folded(), moved)  # without the data
    assert (failed, said.count("skipped")) == (0, 4)
    after = {path: path.stat().st_mtime_ns for path in moved.rglob("*") if path.is_file()}
    assert {path.name for path in before if before[path] != after.get(path)} <= {"config.yaml", "folds.json"}


def test_what_a_fold_warns_of_the_whole_does_too(plain: Path) -> None:
    fold = read(plain / "folds/fold-00/seed-0/model/evaluate/metrics.json")
    assert fold["one_order"]
    assert fold["running"] == []
    warning = next(line for line in fold["warnings"] if "saw the stimuli in one order" in line)
    assert warning in read(plain / "evaluate" / "metrics.json")["warnings"]


def test_ways_stand_beside_the_model_and_seeds_have_the_same_folds(compared: Path) -> None:
    seeds = load_seeds(compared / "evaluate" / "predictions.npz")
    assert len(seeds) == 2
    assert seeds[0]["valence"].probabilities.keys() == {"model", "majority", "probe"}
    for seed, number in zip(seeds, (3, 0), strict=True):
        run = compared / "folds" / "fold-01" / f"seed-{number}"
        probe = load_predictions(run / "probe" / "evaluate" / "predictions.npz")["valence"].probabilities["model"]
        found = seed["valence"]
        np.testing.assert_array_equal(found.of(found.fold == 1).probabilities["probe"], probe)
        assert read(run / "model" / "split.json") == read(compared / "folds/fold-01/seed-0/model/split.json")
    first, second = (seed["valence"].probabilities["model"] for seed in seeds)
    assert not np.array_equal(first, second)
    report = read(compared / "evaluate" / "metrics.json")
    assert (report["folds"], report["seeds"], report["simulated"]) == (2, [3, 0], True)
    assert {"probe", "majority"} <= {found["than"] for found in report["comparisons"]}
    assert (compared / "evaluate" / "report.html").stat().st_size > 0


def test_what_needs_no_labels_is_pretrained_once(compared: Path) -> None:
    encoders = [path for path in compared.rglob("encoder.safetensors") if not path.parent.is_symlink()]
    assert len(encoders) == 2 * 2 + 1  # folds x seeds, and the refit
    model = compared / "folds" / "fold-00" / "seed-3" / "model"
    for run in (model.with_name("probe"), compared / "permutations" / "0001" / "fold-00"):
        assert (run / "pretrain").resolve() == (model / "pretrain").resolve()
        assert not os.readlink(run / "pretrain").startswith("/")


def test_permuted_trainings_are_what_chance_gives(compared: Path) -> None:
    found = read(compared / "evaluate" / "metrics.json")["permutation"]
    entry = found["tasks"]["valence"]
    assert (found["permutations"], found["how"], len(entry["permuted"])) == (1, "person", 1)
    assert entry["p"] == permutation_p(entry["score"], entry["permuted"])
    run = compared / "permutations" / "0001" / "fold-00"
    real = load_predictions(compared / "folds/fold-00/seed-3/model/evaluate/predictions.npz")["valence"]
    permuted = load_predictions(run / "evaluate" / "predictions.npz")["valence"]
    assert not np.array_equal(real.truth, permuted.truth)
    with pytest.raises(DataError, match="permuted labels"):
        load_run(run)


def test_a_fold_that_fails_is_named_and_only_it_is_done_again(
    plain: Path, few_people: Path, tmp_path: Path
) -> None:
    other = tmp_path / "folds" / "fold-01" / "seed-0" / "model"
    other.parent.mkdir(parents=True)
    (tmp_path / "folds.json").write_text("{}", encoding="utf-8")
    save_config(folded(), tmp_path / "config.yaml")
    other.write_text("a file where a folder should be", encoding="utf-8")
    failed, said = go(folded(), tmp_path, few_people)
    assert failed == 1
    line = next(line for line in said.splitlines() if "FAILED" in line)
    assert "fold 1, seed 0, model FAILED:" in line
    assert "expected a folder for the run, found a file" in line
    assert not (tmp_path / "evaluate").exists()
    other.unlink()
    failed, said = go(folded(), tmp_path)
    assert "1 of 2 trainings to do" in said
    assert failed == 0
    assert learnt(tmp_path) == learnt(plain)


def test_an_error_of_the_program_leaves_where_it_came_from(plain: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plain, tmp_path / "folds", symlinks=True))
    run = folder / "folds" / "fold-00" / "seed-0" / "model"
    (run / "finetune" / "valence.safetensors").write_bytes(torch.zeros(3).numpy().tobytes())
    shutil.rmtree(run / "evaluate")
    failed, said = go(folded(), folder)
    assert failed == 1
    assert "fold 0, seed 0, model FAILED" in said
    assert "run its stage with --force" in said


def test_nobody_else_works_in_the_folder(plain: Path, few_people: Path) -> None:
    with alone(plain / "folds"), pytest.raises(DataError, match="another memhacl-train works in this folder"):
        go(folded(), plain, few_people)


def start(config: Path, data: Path, out: Path) -> "subprocess.Popen[str]":
    command = ["crossvalidate", str(config), "--data", str(data), "--out", str(out), "--jobs", "2"]
    code = "import sys\nfrom memhacl.train.cli import main\nsys.exit(main())"
    return subprocess.Popen([sys.executable, "-c", code, *command], stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_killed_with_two_jobs_it_goes_on_to_the_same_bytes(plain: Path, few_people: Path, tmp_path: Path) -> None:
    often = folded().model_copy(update={"checkpoint": 0.001})
    save_config(often, tmp_path / "config.yaml")
    process = start(tmp_path / "config.yaml", few_people, tmp_path / "folds")
    while not list((tmp_path / "folds").glob("folds/*/*/model/finetune")):  # one is trained, the other half way
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)
    workers = children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    while any(Path(f"/proc/{worker}/exe").exists() for worker in workers):  # they end with it
        time.sleep(0.05)
    assert not (tmp_path / "folds" / "final").exists()
    assert go(often, tmp_path / "folds")[0] == 0
    assert learnt(tmp_path / "folds") == learnt(plain)


def children(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
