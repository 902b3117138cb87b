"""Print how often the 95 % intervals of an evaluation hold the true value, on made-up people and stimuli.

    python -m benchmarks.coverage [--worlds N]

A trial is told right with a chance of 0.6 plus what its person and its stimulus add, normally distributed; the
true value is the mean over all people and stimuli that there could be. Intervals are the product's crossed
bootstrap.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from rich.table import Table

from benchmarks.machine import console
from memhacl.train.measure.intervals import draw

TRUE = 0.6
RESAMPLES = 1000
# People, stimuli, and the deviations of what a person and what a stimulus adds.
STUDIES = (
    (5, 40, 0.25, 0.0),
    (5, 40, 0.25, 0.1),
    (10, 40, 0.25, 0.1),
    (10, 10, 0.12, 0.12),
    (30, 40, 0.12, 0.12),
    (30, 40, 0.0, 0.0),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="coverage", description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=500, help="studies of each kind")
    worlds = parser.parse_args(arguments).worlds
    screen = console()
    table = Table(title=f"95 % intervals of {worlds} made-up studies of each kind")
    for column in (
        "people",
        "stimuli",
        "spread of people",
        "of stimuli",
        "hold the truth",
        "width to the true one",
    ):
        table.add_column(column, justify="right")
    for study in STUDIES:
        held, width = coverage(study, worlds)
        table.add_row(*map(str, study), f"{held:.1%}", f"{width:.2f}")
    screen.print(table)


def coverage(study: tuple[int, int, float, float], worlds: int) -> tuple[float, float]:
    """Share of intervals that hold the truth, and their mean width over that in which 95 % of studies fall."""
    people, stimuli, of_people, of_stimuli = study
    random = np.random.default_rng(0)
    subject = np.repeat(np.arange(people), stimuli).astype(str)
    stimulus = np.tile(np.arange(stimuli), people).astype(str)
    draws = draw(subject, stimulus, np.arange(people * stimuli) % 2, RESAMPLES, seed=0)
    weights = draws.weights / draws.weights.sum(axis=1, keepdims=True)  # (resamples, trials)
    held, widths, means = 0, [], []
    for _ in range(worlds):
        chance = TRUE + of_people * random.standard_normal((people, 1))
        chance = np.clip(chance + of_stimuli * random.standard_normal((1, stimuli)), 0, 1)
        right = (random.random((people, stimuli)) < chance).ravel().astype(float)  # (trials,)
        interval = draws.interval(weights @ right)
        assert interval is not None
        held += interval[0] <= TRUE <= interval[1]
        widths.append(interval[1] - interval[0])
        means.append(right.mean())
    return held / worlds, float(np.mean(widths) / (2 * 1.96 * np.std(means)))


if __name__ == "__main__":
    main()
