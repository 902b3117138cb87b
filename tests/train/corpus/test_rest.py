"""Which rest period each trial is compared with: the one that the signal path subtracts, and no other."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
from rich.console import Console

from memhacl.stream.signals import Recording
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import SimulatedSource
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.corpus.prepare import Plan, prepare
from memhacl.train.corpus.store import Corpus, load_corpus
from memhacl.train.progress import stage_bar

PEOPLE = People(subjects=1, stimuli=5, rest=3, seconds=2, seed=1, layout="raw")
RESTLESS = (1, 2, 4)  # trials before which nobody rested


class Restless:
    """One simulated person in one continuous session, with trials that have no rest of their own."""

    name, notes, one_file = "restless", (), False

    def __init__(self, restless: tuple[int, ...]) -> None:
        self._source, self._restless = SimulatedSource(PEOPLE), restless
        self.people = self._source.people

    def open(self, person: str) -> Recording:
        recording = self._source.open(person)
        (segment,) = recording.segments
        trials = tuple(
            replace(trial, rest=trial.onset, rested=None) if place in self._restless else trial
            for place, trial in enumerate(segment.trials)
        )
        return replace(recording, segments=(replace(segment, trials=trials),))

    def fingerprint(self) -> str:
        return "f" * 64


def prepared(baseline: str, folder: Path, restless: tuple[int, ...] = RESTLESS) -> Corpus:
    modality = ModalitySpec.model_validate(
        {"modality": "EEG", "channels": ("Fz", "O1"), "unit": "uV", "baseline": baseline}
    )
    folder.mkdir()
    with stage_bar("prepare", Console(file=StringIO())) as bar:
        prepare(Restless(restless), Plan(SignalSpec(modalities=(modality,))), folder, bar, workers=1)
    return load_corpus(folder / "corpus")


def test_a_trial_without_rest_is_known_by_the_rest_that_is_subtracted_from_it(tmp_path: Path) -> None:
    without, corpus = prepared("none", tmp_path / "none"), prepared("rest", tmp_path / "rest")
    np.testing.assert_array_equal(corpus.index, without.index)
    subtracted = without.windows - corpus.windows  # (rows, channels, samples)
    trial, rest = corpus.index["trial"], corpus.trials.rest
    first = [int(np.flatnonzero(trial == number)[0]) for number in range(5)]
    for one in range(5):
        for other in range(5):
            alike = np.allclose(subtracted[first[one]], subtracted[first[other]], atol=1e-3)
            assert alike == (rest[one, 0] == rest[other, 0]), (one, other)
    assert len(np.unique(rest[:, 0])) == 2
    (segment,) = Restless(RESTLESS).open(corpus.manifest.people[0]).segments
    assert rest[:3].tolist() == [[segment.trials[0].rest, segment.trials[0].onset]] * 3


def test_without_any_rest_there_is_none(tmp_path: Path) -> None:
    rest = prepared("rolling", tmp_path / "run", (0, 1, 2, 3, 4)).trials.rest
    assert (rest[:, 0] == rest[:, 1]).all()
