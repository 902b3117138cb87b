"""Stage 'evaluate': the test rows, once: what the model and its baselines say of them, and what that is worth."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.train.baselines.elapsed import same_order
from memhacl.train.baselines.registry import predict
from memhacl.train.baselines.situation import Situation, Unavailable
from memhacl.train.baselines.table import FeatureTable
from memhacl.train.corpus.labels import UNRATED, planted_classes, said
from memhacl.train.corpus.store import Corpus
from memhacl.train.loops.finetune import predict_logits
from memhacl.train.loops.label_share import labels_of
from memhacl.train.loops.networks import Group
from memhacl.train.loops.work import Work
from memhacl.train.measure.calibration import calibrated
from memhacl.train.measure.predictions import MODEL, Floats, Predictions, save_predictions
from memhacl.train.measure.summary import summarise
from memhacl.train.progress import Bar
from memhacl.train.report import write_report
from memhacl.train.report.embedding import embed, save_clouds

Numbers = NDArray[np.int64]


def evaluate(work: Work, groups: dict[str, Group], temperatures: dict[str, float], folder: Path, bar: Bar) -> None:
    """Write predictions.npz, metrics.json and report.html to ``folder``: what the test rows say of every task.

    Raises
    ------
    DataError
        The split leaks.
    """
    settings = work.config.evaluate
    work.split.check(work.corpus)
    bar.start(2 + len(work.targets) * (1 + len(settings.baselines)), MODEL)
    model = _logits(work, groups)
    bar.step(MODEL)
    features = FeatureTable(work.corpus)
    labels = labels_of(work)  # what is compared with the model learns from no more labels than it
    tasks: dict[str, Predictions] = {}
    unavailable: dict[str, str] = {}
    for task, target in work.targets.items():
        guesses = {MODEL: calibrated(model[task], temperatures[task])}
        classes, count = labels.classes[task], len(target.classes)
        situation = Situation(work.corpus, work.split, classes, count, features, work.config.finetune.balance)
        for name in settings.baselines:
            found = predict(name, situation)
            if isinstance(found, Unavailable):
                unavailable[name] = found.why
            else:
                guesses[name] = found
            bar.step(f"{task}: {name}")
        tasks[task] = _predictions(work, task, guesses, temperatures[task])
        bar.step(task)
    save_predictions(folder / "predictions.npz", tasks)
    about = describe(work) | {"unavailable": unavailable}
    report = summarise(tasks, about, settings.resamples, work.config.seed)
    text = json.dumps(report, indent=2, allow_nan=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    if not work.config.labels.permutation:  # nobody looks at each of a thousand such trainings
        save_clouds(folder / "embedding.npz", embed(work, groups))
        bar.step("report")
        write_report(folder.parent.parent, folder, work.config)
    bar.finish(f"{len(work.split.test)} test windows; {report['protocol_means']}")


def describe(work: Work) -> dict[str, Any]:
    """Say what the numbers were measured on: the words that must stand beside them."""
    config, split, manifest = work.config, work.split, work.corpus.manifest
    labels = config.labels
    return {
        "name": config.name,
        "method": work.method.name,
        "source": manifest.source,
        "simulated": manifest.simulated,
        "already_done": {one.modality: list(one.already_done) for one in work.corpus.spec.modalities},
        "running": [one.modality for one in work.corpus.spec.modalities if one.adapt == "running"],
        "protocol": split.protocol,
        "protocol_means": split.meaning,
        "disjoint": list(split.disjoint),
        "leaky": split.leaky,
        "folds": 1,
        "seeds": [config.seed],
        "left_out": split.left_out,
        "one_order": same_order(work.corpus),
        "permuted": {"how": labels.permute, "number": labels.permutation} if labels.permutation else None,
        "finetuned": {"mode": config.finetune.mode, "labels": config.finetune.labels},
        "test": tested(work.corpus, split.test),
        "classes": {task: said(target.of(split.train)) for task, target in work.targets.items()},
    }


def tested(corpus: Corpus, rows: Numbers) -> dict[str, int]:
    """Return how many people, stimuli and trials the test ``rows`` (n,) of ``corpus`` are of, and n."""
    index = corpus.index[rows]
    kinds = {"people": "subject", "stimuli": "stimulus", "trials": "trial"}
    return {name: len(np.unique(index[kind])) for name, kind in kinds.items()} | {"windows": len(rows)}


def _logits(work: Work, groups: dict[str, Group]) -> dict[str, Floats]:
    """Logits (test rows, classes) of each task."""
    found: dict[str, Floats] = {}
    for group in groups.values():
        found |= predict_logits(group, work.feed, work.split.test)
    return found


def _predictions(work: Work, task: str, guesses: dict[str, Floats], temperature: float) -> Predictions:
    """What was said of the rated test rows, with what is known of them."""
    target, test = work.targets[task], work.split.test
    rated = target.values[test] != UNRATED
    rows = test[rated]
    index, manifest = work.corpus.index[rows], work.corpus.manifest
    trial = index["trial"].astype(np.int64)
    return Predictions(
        classes=target.classes,
        subject=np.array(manifest.people, dtype=np.str_)[index["subject"]],
        stimulus=np.array(manifest.stimuli, dtype=np.str_)[index["stimulus"]],
        trial=trial,
        start=index["hop"] * work.corpus.spec.hop,
        fold=np.full(len(rows), work.split.fold),
        truth=target.values[rows],
        planted=planted_classes(work.corpus.trials, task)[trial],
        probabilities={who: values[rated] for who, values in guesses.items()},
        temperature=np.full(len(rows), temperature),
    )
