"""Stage 'select': which of the encoders that pretraining kept each group of tasks starts from.

The paper's way: every encoder is fine-tuned several times, and the best mean decides; here on validation rows, and
never on test rows.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memhacl.stream.errors import DataError
from memhacl.train.config import Config
from memhacl.train.loops.finetune import check_classes
from memhacl.train.loops.fit import begin, epochs
from memhacl.train.loops.label_share import Labels, labels_of
from memhacl.train.loops.networks import group_tasks
from memhacl.train.loops.reproduce import deterministic
from memhacl.train.loops.select_curve import select_curve
from memhacl.train.loops.starts import CHOSEN, start_at
from memhacl.train.loops.work import Work
from memhacl.train.methods.registry import methods
from memhacl.train.progress import Bar

LAST = "encoder.safetensors"  # what pretraining leaves in any case

# Seeds of the runs differ by so much that they stay apart where experiments count their seeds from 0.
_APART = 1000

Epochs = Mapping[str, int]  # of pretraining by encoder's file
Scores = dict[str, dict[str, list[float]]]  # encoder's file → group → score of each run


@dataclass(frozen=True)
class Attempt:
    """One fine-tuning: an encoder's file name, a group of tasks and the number of the run, from 0."""

    encoder: str
    group: str
    run: int

    @property
    def file(self) -> str:
        """Name of the file that keeps its score."""
        return f"{Path(self.encoder).stem}.{self.group}.{self.run}.json"


def chooses(config: Config) -> bool:
    """Whether the settings can leave anything to choose: pretraining keeps more than its last encoder."""
    return methods[config.method.name].pretrains and config.pretrain.keep > 0 and not config.init


def kept_encoders(pretrained: Path) -> dict[str, int]:
    """Files of the encoders that pretraining left in its folder, with their epochs, in the order of these.

    Raises
    ------
    DataError
        The folder does not say of which epoch its encoder is.
    """
    try:
        last = int(json.loads((pretrained / "outcome.json").read_text(encoding="utf-8"))["epoch"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{pretrained}: holds no outcome ({problem!r}); run the stage 'pretrain' with --force"
        ) from None
    kept = {path.name: int(path.stem.removeprefix("epoch-")) for path in pretrained.glob("epoch-*.safetensors")}
    there = {name: epoch for name, epoch in kept.items() if epoch != last} | {LAST: last}
    return dict(sorted(there.items(), key=lambda item: item[1]))


def plan(work: Work, pretrained: Path) -> str:
    """Say how much there is to do, before it begins."""
    config = work.config
    encoders, runs, groups = len(kept_encoders(pretrained)), config.select.runs, len(group_tasks(config))
    count = encoders * runs * groups
    return (
        f"{encoders} encoders x {runs} runs x {groups} groups of tasks: {count} fine-tunings of "
        f"up to {config.finetune.epochs} epochs"
    )


def choose_none(work: Work, folder: Path, bar: Bar) -> None:
    """Write to ``folder`` that every group starts at the last encoder, or afresh where there is none."""
    config = work.config
    pretrained = work.method.pretrains and not config.init
    _write_chosen(dict.fromkeys(group_tasks(config), LAST if pretrained else None), folder)
    if config.init:
        bar.finish(f"nothing to choose: fine-tuning starts from {config.init}")
    elif not pretrained:
        bar.finish(f"nothing to choose: method '{work.method.name}' does not pretrain")
    else:
        bar.finish("nothing to choose: pretraining kept its last encoder only (pretrain.keep keeps more)")


def choose_as_folds(work: Work, pretrained: Path, folder: Path, bar: Bar) -> None:
    """Write to ``folder`` that each group starts at the encoder in ``pretrained`` nearest to the folds' choice."""
    kept = kept_encoders(pretrained)
    wanted = work.config.refit.encoders
    chosen = {group: min(kept, key=lambda name: abs(kept[name] - epoch)) for group, epoch in wanted.items()}
    _write_chosen(chosen, folder)
    bar.finish(f"as the folds chose: {', '.join(f'{group} {kept[name]}' for group, name in chosen.items())}")


def select(work: Work, pretrained: Path, folder: Path, bar: Bar) -> None:
    """Fine-tune each encoder in ``pretrained`` ``select.runs`` times; choose by the mean of the validation scores.

    Writes scores.json, chosen.json (group → file name) and curve.png to ``folder``. Run number r has the run's
    seed + 1000 r. Interrupted, it goes on after the last fine-tuning that was finished.

    Raises
    ------
    DataError
        The split leaks, or a part of it does not hold every class that a task needs.
    ConfigError
        A loss is no longer finite.
    """
    work.split.check(work.corpus)
    check_classes(work)
    labels, encoders, groups = labels_of(work), kept_encoders(pretrained), group_tasks(work.config)
    attempts = [
        Attempt(name, group, run)
        for name in encoders
        for group in groups
        for run in range(work.config.select.runs)
    ]
    done = {attempt: score for attempt in attempts if (score := _read_score(folder / attempt.file)) is not None}
    report = folder.parent.parent / "select.diverged.json"
    bar.start(len(attempts) - len(done))
    with deterministic(work.config.deterministic):
        for attempt in attempts:
            if attempt not in done:
                done[attempt] = _score(work, labels, attempt, pretrained, report)
                _write_whole(folder / attempt.file, {"score": done[attempt]})
                bar.step(f"{attempt.encoder}, {attempt.group}: validation {done[attempt]:.3f}")
    report.unlink(missing_ok=True)  # of an earlier attempt
    scores: Scores = {name: {group: [] for group in groups} for name in encoders}
    for attempt in attempts:
        scores[attempt.encoder][attempt.group].append(done[attempt])
    chosen = best_encoders(scores)
    _write(work, encoders, scores, chosen, folder)
    for attempt in attempts:  # scores.json has them
        (folder / attempt.file).unlink()
    said = ", ".join(f"{group} {encoders[name]}" for group, name in chosen.items())
    bar.finish(f"{len(attempts)} fine-tunings of {len(encoders)} encoders; best pretraining epoch: {said}")


def _score(work: Work, labels: Labels, attempt: Attempt, pretrained: Path, report: Path) -> float:
    """Fine-tune once; return the score of the best epoch on validation rows."""
    mine = {task: labels.classes[task] for task in group_tasks(work.config)[attempt.group]}
    fit = begin(work, mine, start_at(pretrained / attempt.encoder), work.config.seed + _APART * attempt.run)
    for _ in epochs(work, fit, report):
        pass
    return fit.best_score


def best_encoders(scores: Scores) -> dict[str, str]:
    """Return for each group the encoder with the highest mean; of equals the one with the fewest epochs."""
    groups = next(iter(scores.values()))
    return {group: max(scores, key=lambda name: np.mean(scores[name][group])) for group in groups}


def _write(work: Work, encoders: Epochs, scores: Scores, chosen: Mapping[str, str], folder: Path) -> None:
    runs = work.config.select.runs
    table = {
        "measure": "balanced accuracy on validation windows after the best epoch, mean of the tasks",
        "simulated": work.corpus.manifest.simulated,
        "seeds": [work.config.seed + _APART * run for run in range(runs)],
        "encoders": {
            name: {"epoch": encoders[name], "groups": {group: _summary(of) for group, of in groups.items()}}
            for name, groups in scores.items()
        },
    }
    _write_whole(folder / "scores.json", table)
    select_curve(table, chosen, folder / "curve.png", work.config.name)
    _write_chosen(chosen, folder)


def _summary(scores: list[float]) -> dict[str, Any]:
    """Scores with their mean and standard deviation (of a sample; 0 for one)."""
    spread = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
    return {"scores": scores, "mean": float(np.mean(scores)), "sd": spread}


def _write_chosen(chosen: Mapping[str, str | None], folder: Path) -> None:
    _write_whole(folder / CHOSEN, chosen)


def _read_score(path: Path) -> float | None:
    """Return the score in ``path``; None where there is none."""
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["score"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_whole(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` under its name only when it is whole."""
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)
