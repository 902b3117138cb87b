"""WESAD's labels, one for each of the chest's samples: runs of one condition turned into trials."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.signals import Trial
from memhacl.stream.sources.runs import runs

RATE: Final = 700.0  # Hz, of the chest's signals too
CONDITIONS: Final = {1: "baseline", 2: "stress", 3: "amusement", 4: "meditation"}
IGNORED: Final = (5, 6, 7)  # by the owners' own word; 0 is what lies between conditions


def trials_of(labels: NDArray[np.integer[Any]]) -> tuple[Trial, ...]:
    """Turn ``labels`` (samples,) at 700 Hz into a trial for each run of a condition, in time order.

    The stimulus is the condition's name, with a number from the second run on: 'meditation', 'meditation-2'.
    """
    trials = []
    seen = dict.fromkeys(CONDITIONS, 0)
    for first, stop in runs(labels):
        label = int(labels[first])
        if label not in CONDITIONS:
            continue
        seen[label] += 1
        name = CONDITIONS[label]
        onset = first / RATE
        trials.append(
            Trial(
                name if seen[label] == 1 else f"{name}-{seen[label]}",
                onset,
                onset,
                stop / RATE,
                categories={"condition": name},
            )
        )
    return tuple(trials)


def ignored(file: str, labels: NDArray[np.integer[Any]]) -> list[str]:
    """Say how much of ``labels`` (samples,) at 700 Hz the owners want ignored; nothing where it is none."""
    seconds = np.isin(labels, IGNORED).sum() / RATE
    return [f"{file}: {seconds:.0f} s are labelled 5, 6 or 7, which WESAD says to ignore"] if seconds else []
