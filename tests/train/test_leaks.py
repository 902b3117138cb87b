"""The leak detector: which parts of simulated people show under which protocol."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.leak_detector import accuracies, detect, features_of
from benchmarks.leak_worlds import ROWS, Size, ceiling, people_of, prepared, rated_high
from benchmarks.leaks import cells, figures
from memhacl.stream.sources.simulated.latents import feeling
from memhacl.stream.sources.simulated.people import People
from memhacl.train.config import ProtocolConfig
from memhacl.train.measure.metrics import balanced_accuracy
from memhacl.train.protocols import make_split

# Many worlds' ratings on the signals of few; where emotion shows, ratings cannot be exchanged: larger worlds.
LEAKS = Size(people=12, stimuli=12, seconds=6, worlds=4, draws=48)
EMOTION = Size(people=16, stimuli=16, seconds=8, worlds=4, draws=1)
SEED = 900


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_leak_shows_under_the_protocols_that_let_it_through_and_under_no_other(tmp_path: Path) -> None:
    found: dict[str, list[Mapping[str, float]]] = {row: [] for row in ROWS}
    for row in ROWS:
        size = EMOTION if row == "all" else LEAKS
        for seed in range(SEED, SEED + size.worlds):
            found[row].append(figures(row, seed, size, tmp_path / f"{size.people}"))
    table = cells(found)
    assert len(table) == 25
    unexpected = [f"{cell.row} under {cell.protocol}: {cell}" for cell in table if not cell.as_expected]
    assert not unexpected


def test_a_split_that_puts_windows_of_a_trial_on_both_sides_is_found_out(tmp_path: Path) -> None:
    size = Size(people=6, stimuli=8, seconds=6, draws=40)
    people = people_of("F", SEED, size)
    corpus = prepared(people, tmp_path)
    features, high = features_of(corpus), rated_high(corpus, people, size)
    kept = make_split(corpus, ProtocolConfig(name="trial", validation=0.25, test=0.25))
    rows = np.random.default_rng(0).permutation(len(corpus.index))
    broken = replace(kept, train=rows[:144], validation=rows[144:216], test=rows[216:])
    assert abs(detect(features, kept, high)["detector"] - 0.5) < 0.05
    assert detect(features, broken, high)["detector"] > 0.65


@pytest.mark.parametrize(("row", "protocol"), [("F + B", "stimulus"), ("all but E", "subject"), ("all", "trial")])
def test_the_best_possible_is_what_knowing_the_means_reaches(row: str, protocol: str) -> None:
    """Means over many people, stimuli and noises stand for what somebody may know who saw everything else."""
    people = People.model_validate({"subjects": 60, "stimuli": 60, "seed": SEED, **ROWS[row]})
    ratings = np.array([[feeling(people, p, s).ratings["valence"] for s in range(60)] for p in range(60)]) - 5
    latent = np.array([[feeling(people, p, s).planted["valence"] for s in range(60)] for p in range(60)])
    rest = ratings - 1.6 * people.E * latent
    known = 1.6 * people.E * latent
    if protocol in ("trial", "stimulus"):
        known = known + rest.mean(axis=1, keepdims=True)
    if protocol in ("trial", "subject"):
        known = known + rest.mean(axis=0, keepdims=True)
    assert np.mean((known > 0) == (ratings > 0)) == pytest.approx(ceiling(row, protocol), abs=0.03)


def test_accuracy_is_the_products_for_every_world_and_task() -> None:
    random = np.random.default_rng(0)
    vote, truth = random.normal(size=(9, 4, 2)), random.random((9, 4, 2)) < 0.5
    truth[:, 0, 0] = True  # one class only
    expected = [
        [balanced_accuracy(truth[:, w, t].astype(int), (vote[:, w, t] > 0).astype(int)) for t in range(2)]
        for w in range(4)
    ]
    np.testing.assert_allclose(accuracies(vote, truth), expected)
