"""What must be known before a number is believed, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from memhacl.train.measure.predictions import Predictions, Tasks
from memhacl.train.protocols.rules import people_in_all_parts

_UNEVEN = 0.65  # share of the most frequent class above which guessing it looks good
_FEW = 10  # people or stimuli
_SMALL = 50  # trials

PERMUTED = {"person": "within each person", "stimulus": "between stimuli, alike for all people"}


def cautions(tasks: Tasks, about: Mapping[str, Any]) -> list[str]:
    """Return what readers of ``tasks``' numbers must be told, the gravest first; ``about``: as in metrics.json."""
    return [*_of_the_run(about), *_of_the_size(tasks), *_of_the_classes(tasks)]


def _of_the_run(about: Mapping[str, Any]) -> Iterator[str]:
    permuted = about.get("permuted")
    if permuted:
        yield (
            f"Labels were permuted {PERMUTED[permuted['how']]}: these numbers say what chance gives, and nothing "
            "about a model."
        )
    if about.get("leaky"):
        yield (
            f"This protocol leaks ({about['protocol_means']}): these numbers say nothing about people, stimuli or "
            "trials that are new."
        )
    if about.get("simulated"):
        yield "Simulated people: these numbers say nothing about real emotion."
    if about.get("one_order") and "stimulus" not in about.get("disjoint", ()):
        yield (
            "Everybody saw the stimuli in one order, or the files store them so: elapsed time alone tells the "
            "stimulus; compare with the baseline 'time'."
        )
    if about.get("running") and people_in_all_parts(tuple(about.get("disjoint", ()))):
        yield (
            f"{', '.join(about['running'])}: standardised by the person's own running past, which may hold tested "
            "trials where others are learned from, and the reverse: signals, though no labels, may reach across."
        )
    done = {modality: steps for modality, steps in about.get("already_done", {}).items() if steps}
    if done:
        listed = "; ".join(f"{modality}: {', '.join(steps)}" for modality, steps in done.items())
        yield (
            f"The data's owners had already processed the signals ({listed}): live signals, which had none of it, "
            "may be told worse."
        )


def _of_the_size(tasks: Tasks) -> Iterator[str]:
    rated = [found for found in tasks.values() if len(found)]
    if not rated:
        yield "No test window has a label: nothing was measured."
        return
    for kind, one, several in (("subject", "person", "people"), ("stimulus", "stimulus", "stimuli")):
        count = len(np.unique(np.concatenate([getattr(found, kind) for found in rated])))
        if count < _FEW:
            yield (
                f"Only {count} test {one if count == 1 else several} (fewer than {_FEW}): the interval is too "
                f"narrow, and other {several} may give quite other numbers."
            )
    trials, task = min((len(np.unique(found.trial)), task) for task, found in tasks.items() if len(found))
    if trials < _SMALL:
        yield f"Only {trials} rated test trials of {task} (fewer than {_SMALL}): one more or less right matters."


def _of_the_classes(tasks: Tasks) -> Iterator[str]:
    for task, found in tasks.items():
        if not len(found):
            continue
        counts = np.bincount(_trial_truth(found), minlength=len(found.classes))
        absent = [f"'{name}'" for name, count in zip(found.classes, counts.tolist(), strict=True) if not count]
        share = counts.max() / counts.sum()
        if absent:
            listed = ", ".join(absent)
            yield f"{task}: no test trial is {listed}; AUROC is undefined, the other measures leave that out."
        if _UNEVEN < share < 1:
            name = found.classes[counts.argmax()]
            yield (
                f"{task}: {share:.0%} of the test trials are '{name}': accuracy rewards guessing it; look at "
                "balanced accuracy."
            )


def _trial_truth(found: Predictions) -> np.ndarray:
    return found.truth[np.unique(found.trial, return_index=True)[1]]
