"""Small corpora and runs that the tests of training share."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from memhacl.stream.signals import Trial
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.corpus.store import INDEX, Corpus, Manifest
from memhacl.train.corpus.trials import tabulate

SPEC = SignalSpec(
    modalities=(
        ModalitySpec(modality="EEG", channels=("Fz", "Cz"), unit="uV"),
        ModalitySpec(modality="GSR", channels=("GSR",), unit="ohm"),
    ),
    rate=16.0,
)


@dataclass(frozen=True)
class Row:
    """One row of a made-up corpus."""

    subject: int
    stimulus: int
    second: int


def corpus_of(rows: Sequence[Row], windows: np.ndarray | None = None, seed: int = 0) -> Corpus:
    """A corpus in memory with the given index; trials are numbered by (subject, stimulus)."""
    random = np.random.default_rng(seed)
    people = max((row.subject for row in rows), default=0) + 1
    stimuli = max((row.stimulus for row in rows), default=0) + 1
    index = np.zeros(len(rows), INDEX)
    for place, row in enumerate(rows):
        index[place]["subject"], index[place]["stimulus"], index[place]["hop"] = (
            row.subject,
            row.stimulus,
            row.second,
        )
        index[place]["trial"] = row.subject * stimuli + row.stimulus
        index[place]["start"] = 100.0 * row.stimulus + row.second  # on each person's clock
    if windows is None:
        windows = random.standard_normal((len(rows), *SPEC.shape)).astype(np.float32)
    manifest = Manifest(
        source="made up",
        fingerprint="0" * 64,
        simulated=True,
        signals=SPEC,
        people=tuple(f"p{number}" for number in range(people)),
        stimuli=tuple(f"v{number}" for number in range(stimuli)),
        trials=people * stimuli,
        windows=len(rows),
        scales={"valence": (1.0, 9.0), "arousal": (1.0, 9.0)},
    )
    trials = tabulate((p, v, rated_trial(p, v)) for p in range(people) for v in range(stimuli))
    return Corpus(windows, index, trials, manifest)


def rated_trial(person: int, stimulus: int) -> Trial:
    """A trial with planted latents, and the ratings that follow from them without noise."""
    latents = {
        scale: np.random.default_rng([person, stimulus, len(scale)]).normal() for scale in ("valence", "arousal")
    }
    ratings = {scale: 5 + 2 * latent for scale, latent in latents.items()}
    return Trial(f"v{stimulus}", 0.0, 0.0, 1.0, ratings, latents)


def grid_rows(people: int, stimuli: int, seconds: int) -> list[Row]:
    """Every second of every stimulus for every person."""
    return [Row(p, s, t) for p in range(people) for s in range(stimuli) for t in range(seconds)]


@pytest.fixture
def made_up() -> Callable[..., Corpus]:
    """Make a corpus in memory from rows."""
    return corpus_of


@pytest.fixture
def full_grid() -> Callable[[int, int, int], list[Row]]:
    """Make the rows of a complete data set."""
    return grid_rows


@pytest.fixture
def row() -> type[Row]:
    """The kind of a made-up row."""
    return Row


@pytest.fixture(scope="session")
def people_yaml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A description of 6 simulated people and 6 stimuli of 4 s."""
    path = tmp_path_factory.mktemp("people") / "six.yaml"
    path.write_text("subjects: 6\nstimuli: 6\nrest: 3\nseconds: 4\nseed: 1\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def split_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of simulated people after 'prepare' and 'split'; not to be written to."""
    from plugins.pretraining import prepare_and_split  # loads torch, which most tests can do without

    folder = tmp_path_factory.mktemp("pretraining") / "run"
    prepare_and_split(folder)
    return folder


@pytest.fixture
def new_run(split_people: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copy that run folder under a name."""
    return lambda name: Path(shutil.copytree(split_people, tmp_path / name))
