"""Names, protocol and folds in words, for a reader who was not there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from memhacl.train.measure.predictions import ORACLE
from memhacl.train.protocols import IN_WORDS
from memhacl.train.report.pieces import Pieces

Rows = list[tuple[str, str]]  # term and description

PREDICTORS = {
    "model": "the trained model that this page is about",
    "majority": "always the most frequent class of the training windows; over folds it can lie below chance, as "
    "what a fold tests is missing there",
    "person": "the most frequent class of the person's own training trials",
    "stimulus": "what other people felt at the same stimulus: the mean of their training trials",
    "time": "how much time of the stimulus or session has passed, and nothing from the body",
    "lda": "power in frequency bands, by linear discriminant analysis",
    "svm": "power in frequency bands, by a linear support vector machine",
    "peripheral": "skin, breath and temperature alone, by logistic regression",
    "supervised": "the same network trained on labels alone, from scratch",
    "probe": "a linear layer on the pretrained encoder, which is not trained further",
    "eegnet": "EEGNet, a small convolutional network for EEG, trained from scratch",
    "tsception": "TSception, a multi-scale convolutional network for EEG, trained from scratch",
    "oracle": "knows what was planted in the simulated people; it errs where ratings are noise",
}
NOT_MEASURED = "not measured"
_KINDS = {"subject": "people", "stimulus": "stimuli", "trial": "trials", "clip": "seconds of stimuli"}
_PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}

BOUND = ORACLE  # what nothing can beat, and no baseline


def after(metrics: Mapping[str, Any]) -> str:
    """Return what ends the title of every figure and table."""
    marks = ["simulated people"] if metrics["simulated"] else []
    marks += ["LEAKY protocol"] if metrics.get("leaky") else []
    marks += ["PERMUTED LABELS"] if metrics.get("permuted") else []
    return f" ({', '.join(marks)})" if marks else ""


def warnings(metrics: Mapping[str, Any]) -> list[str]:
    """Return what must be read before the numbers; where nobody warned, what the other fields tell."""
    if "warnings" in metrics:
        return [str(sentence) for sentence in metrics["warnings"]]
    found = [f"This protocol leaks: {metrics['protocol_means']}."] if metrics.get("leaky") else []
    return found + (["Simulated people: no body was measured."] if metrics["simulated"] else [])


def intervals(metrics: Mapping[str, Any]) -> str:
    """Say whom and what the intervals speak of, task by task where that differs."""
    drawn = (metrics.get("bootstrap") or {}).get("resampled") or {}
    kinds = {task: _others(found) for task, found in drawn.items() if found}
    if not kinds:
        return "not measured"
    alike = len(set(kinds.values())) == 1
    told = [next(iter(kinds.values()))] if alike else [f"{kind} ({task})" for task, kind in kinds.items()]
    return f"where the number would lie for {'; '.join(told)}"


def _others(found: Sequence[str]) -> str:
    these = "" if "stimuli" in found else " and these stimuli"
    return f"{' and '.join(f'other {kind}' for kind in found)} of the same kind{these}"


def protocol(metrics: Mapping[str, Any]) -> str:
    """Say in sentences what the test had seen and what it had not."""
    return IN_WORDS.get(metrics["protocol"], f"The test under this protocol: {metrics['protocol_means']}.")


def predictor(who: str) -> str:
    """Say what ``who`` predicts from."""
    return PREDICTORS.get(who, "another way to predict, under the same protocol")


def split_rows(pieces: Pieces) -> Rows:
    """Say what was kept apart, and how much there is of each part."""
    metrics, split = pieces.metrics, pieces.split
    apart = [_KINDS.get(kind, kind) for kind in metrics.get("disjoint") or ()]
    rows = [("Kept apart", ", ".join(apart) or "nothing that matters" if "disjoint" in metrics else NOT_MEASURED)]
    for part in ("train", "validation", "test"):
        count = (split.get("rows") or {}).get(part)
        if count is not None:
            units = (split.get("units") or {}).items()
            sizes = [f"{len(names[part])} {_KINDS.get(kind, kind)}" for kind, names in units]
            rows.append((_PARTS[part], f"{count} windows of {' and '.join(sizes)}"))
    if metrics.get("left_out"):
        count = f"{metrics['left_out']} windows"
        mixed = ("In no part", f"{count}, which would mix what is kept apart")
        rows.append(("Never tested", count) if pieces.many else mixed)
    whose = "All windows" if pieces.many else "Training windows"
    return rows + [(f"{whose}, {task}", str(said)) for task, said in (metrics.get("classes") or {}).items()]


def seed_rows(pieces: Pieces) -> Rows:
    """Say how many trainings stand behind the numbers."""
    config, seeds = pieces.config, pieces.metrics.get("seeds")
    known = seeds if isinstance(seeds, list | tuple) else [config.seed] if seeds is None else [seeds]
    count = len(pieces.folds) if pieces.many else 1
    several = "; their numbers are averaged before anything else" if len(known) > 1 else ""
    return [
        ("Folds", str(count) if count > 1 else "none: one split into training, validation and test"),
        ("Seeds of training", ", ".join(str(seed) for seed in known) + several),
        ("Seed of the split", str(config.protocol.seed)),
    ]


def listed(names: Iterable[str], most: int = 40) -> str:
    """Join names; of very many, the first ones and how many more there are."""
    all_names = list(names)
    more = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + more
