"""Nothing of those who test can change what is trained: a marker planted in them leaves every byte as it was."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from plugins.pretraining import pretraining
from rich.console import Console

from memhacl.stream.errors import DataError
from memhacl.train.config import Config
from memhacl.train.corpus.scaling import measure_scale
from memhacl.train.corpus.store import Corpus, load_corpus
from memhacl.train.loops.finetune import finetune
from memhacl.train.loops.pretrain import pretrain
from memhacl.train.loops.select import select
from memhacl.train.loops.starts import starting_points
from memhacl.train.loops.work import Feed, Work
from memhacl.train.methods.registry import build_method
from memhacl.train.progress import Bar, stage_bar
from memhacl.train.protocols import make_split

pytestmark = pytest.mark.usefixtures("one_thread")

Left = dict[str, bytes]  # by what it is: scale, or the name of a file
MARK = 1e6  # in place of every sample; a rating of so much makes everything high
PRETRAINED = ("pretrain/epoch-0001.safetensors", "pretrain/encoder.safetensors")
TUNED = "finetune/shared.safetensors"


def settings(protocol: str, permutation: int = 0) -> Config:
    """Two kept encoders to choose from, and half of the training trials' labels."""
    config = pretraining(epochs=2, keep=1)
    few = {"epochs": 2, "batch": 16, "encoder": "shared", "labels": 0.5}
    update = {
        "protocol": config.protocol.model_copy(update={"name": protocol}),
        "labels": config.labels.model_copy(
            update={"tasks": ("valence", "arousal"), "permutation": permutation, "permute": "person"}
        ),
        "finetune": config.finetune.model_copy(update=few),
        "select": config.select.model_copy(update={"runs": 1}),
    }
    return config.model_copy(update=update)


@pytest.fixture(scope="module")
def corpus(split_people: Path) -> Corpus:
    """Seven simulated people and six stimuli of 4 s."""
    return load_corpus(split_people / "corpus")


def marked(corpus: Corpus, rows: np.ndarray, windows: bool = True) -> Corpus:
    """The corpus with a marker in the labels of the trials of ``rows``, and in their ``windows`` or not."""
    changed, ratings = np.array(corpus.windows), {k: v.copy() for k, v in corpus.trials.ratings.items()}
    if windows:
        changed[rows] = MARK
    for values in ratings.values():
        values[np.unique(corpus.index["trial"][rows])] = MARK
    return replace(corpus, windows=changed, trials=replace(corpus.trials, ratings=ratings))


def work_of(corpus: Corpus, config: Config) -> Work:
    """What every fit needs; the scaling is the first of them."""
    split = make_split(corpus, config.protocol)
    scale = measure_scale(corpus, split.train)
    method = build_method(config.method.name, config.method.settings, corpus.spec)
    return Work(config, method, corpus, split, scale, Feed(corpus, scale, torch.device("cpu")))


def train(corpus: Corpus, config: Config, run: Path) -> Left:
    """Do all that learns, as the stages do; return everything that it left."""
    work = work_of(corpus, config)

    def stage(name: str, action: Callable[[Path, Bar], None]) -> None:
        (run / f"{name}.partial" / name).mkdir(parents=True)
        with stage_bar(name, Console(quiet=True)) as bar:
            action(run / f"{name}.partial" / name, bar)
        (run / f"{name}.partial" / name).rename(run / name)

    stage("pretrain", lambda folder, bar: pretrain(work, folder, bar))
    stage("select", lambda folder, bar: select(work, run / "pretrain", folder, bar))
    stage("finetune", lambda folder, bar: finetune(work, starting_points(work, run), folder, bar))
    files = [*run.rglob("*.safetensors"), *run.rglob("*.json")]
    left = {str(path.relative_to(run)): path.read_bytes() for path in files}
    return left | {"scale": work.scale.mean.tobytes() + work.scale.std.tobytes()}


def of_people(corpus: Corpus, names: tuple[str, ...]) -> np.ndarray:
    return np.isin(np.array(corpus.manifest.people)[corpus.index["subject"]], names)


def of_stimuli(corpus: Corpus, names: tuple[str, ...]) -> np.ndarray:
    return np.isin(np.array(corpus.manifest.stimuli)[corpus.index["stimulus"]], names)


def who_tests(corpus: Corpus, config: Config) -> np.ndarray:
    """Whether each row is of a person or stimulus that tests: also as those who train and validate saw it."""
    units = make_split(corpus, config.protocol).units
    tested = of_people(corpus, units["subject"]["test"])
    return tested | of_stimuli(corpus, units["stimulus"]["test"]) if "stimulus" in units else tested


@pytest.mark.parametrize("protocol", ["subject", "subject+stimulus"])
def test_who_tests_leaves_no_trace_and_who_trains_does(corpus: Corpus, tmp_path: Path, protocol: str) -> None:
    config = settings(protocol)
    plain = train(corpus, config, tmp_path / "plain")
    assert {"scale", *PRETRAINED, "select/scores.json", TUNED, "finetune/outcome.json"} <= plain.keys()
    tested = who_tests(corpus, config)
    assert 0.1 < tested.mean() < 0.5
    assert train(marked(corpus, np.flatnonzero(tested)), config, tmp_path / "tested") == plain
    one = make_split(corpus, config.protocol).units["subject"]["train"][:1]
    seen = train(marked(corpus, np.flatnonzero(of_people(corpus, one))), config, tmp_path / "seen")
    assert not {name for name in ("scale", *PRETRAINED, TUNED) if seen[name] == plain[name]}


def test_labels_of_who_trains_reach_the_fine_tuning_alone(corpus: Corpus, tmp_path: Path) -> None:
    config = settings("subject", permutation=1)  # exchanged, as a permutation test has them
    plain = train(corpus, config, tmp_path / "plain")
    tested = np.flatnonzero(who_tests(corpus, config))
    assert train(marked(corpus, tested), config, tmp_path / "tested") == plain
    one = make_split(corpus, config.protocol).units["subject"]["train"][:1]
    told = marked(corpus, np.flatnonzero(of_people(corpus, one)), windows=False)
    different = {name for name, left in train(told, config, tmp_path / "told").items() if left != plain[name]}
    assert TUNED in different
    assert not different & {"scale", *PRETRAINED}


def test_nothing_is_fitted_where_the_split_leaks(corpus: Corpus, tmp_path: Path) -> None:
    work = work_of(corpus, settings("subject"))
    leaking = replace(
        work.split, train=np.union1d(work.split.train, work.split.test[:1]), test=work.split.test[1:]
    )
    work = replace(work, split=leaking)
    with stage_bar("a fit", Console(quiet=True)) as bar:
        for fit in (
            lambda: pretrain(work, tmp_path / "run" / "pretrain", bar),
            lambda: select(work, tmp_path, tmp_path / "run" / "select", bar),
            lambda: finetune(work, {}, tmp_path / "run" / "finetune", bar),
        ):
            with pytest.raises(DataError, match=r"subject s\d+ is in two parts"):
                fit()
