"""A survey, or a prepared corpus, as tables on a console."""

from collections.abc import Iterable

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.signals import StreamFormat
from memhacl.train.config import LabelConfig, is_word
from memhacl.train.corpus.join import left_out
from memhacl.train.corpus.labels import QUADRANT, said, target_of
from memhacl.train.corpus.store import Corpus
from memhacl.train.corpus.survey import Fit, Survey
from memhacl.train.corpus.trials import Trials

Ranges = dict[str, tuple[float, float]]


def show(survey: Survey, found: Iterable[Fit], console: Console) -> None:
    """Print people, stimuli, signals, ratings, what is odd, and which configs fit."""
    trials = survey.trials
    kind = " (simulated)" if any(sight.simulated for sight in survey.sights) else ""
    title = "" if "simulated" in survey.name else kind
    _say(console, survey.name, f"{title}: {_counted(survey, trials)}")
    console.print(_signals(survey))
    _show_labels(trials, survey.scales, console)
    _show_list(console, "Missing or odd", survey.odd)
    console.print(_configs(found, len(survey.sights)))


def show_corpus(corpus: Corpus, console: Console) -> None:
    """Print what a prepared corpus holds and what was left out."""
    manifest = corpus.manifest
    kind = " (simulated)" if manifest.simulated and "simulated" not in manifest.source else ""
    _say(
        console,
        f"corpus of {manifest.source}",
        f"{kind}: {len(manifest.people)} people, {len(manifest.stimuli)} "
        f"stimuli, {manifest.trials} trials, {manifest.windows} windows of {manifest.signals.shape} "
        "(channels, samples), every one as it was written",
    )
    _show_labels(corpus.trials, dict(manifest.scales), console)
    _say(console, "Left out:", f" {left_out(manifest)}")
    _show_list(console, "Noted", manifest.notes)


def _counted(survey: Survey, trials: Trials) -> str:
    seconds = [trial.end - trial.onset for sight in survey.sights for trial in sight.trials]
    people = len(survey.sights) + len(survey.unreadable)
    text = f"{people} people, {len(survey.stimuli)} stimuli, {len(trials)} trials"
    if seconds:
        low, high = min(seconds), max(seconds)
        text += f" of {low:.4g} s" if high - low < 0.05 else f" of {low:.4g} to {high:.4g} s"
    return text


def _signals(survey: Survey) -> Table:
    table = Table("signal", "modality", "channels", "unit", "rate", "people", "already done", title="Signals")
    for form, people in survey.signals.items():
        rate = f"{form.rate:g} Hz" if form.rate else "irregular"
        _row(
            table,
            form.name,
            form.modality,
            _channels(form),
            form.unit,
            rate,
            str(people),
            ", ".join(form.already_done),
        )
    return table


def _channels(form: StreamFormat) -> str:
    some = ", ".join(form.channels[:4]) + (", ..." if len(form.channels) > 4 else "")
    return some if len(form.channels) < 2 else f"{len(form.channels)}: {some}"


def _show_labels(trials: Trials, ranges: Ranges, console: Console) -> None:
    if trials.ratings:
        table = Table("scale", "range", "rated", "mean", "sd", "classes (threshold: the middle)", title="Ratings")
        for scale, values in trials.ratings.items():
            given = values[~np.isnan(values)]
            span = "{:g} to {:g}".format(*ranges[scale]) if scale in ranges else "not known"
            mean, deviation = (f"{given.mean():.2f}", f"{given.std():.2f}") if len(given) else ("-", "-")
            _row(
                table,
                scale,
                span,
                f"{len(given)} of {len(trials)}",
                mean,
                deviation,
                _classes(trials, ranges, scale),
            )
        if {"valence", "arousal"} <= trials.ratings.keys():
            _row(table, QUADRANT, "", "", "", "", _classes(trials, ranges, QUADRANT))
        console.print(table)
    for kind in trials.categories:
        _say(console, f"Category {kind}:", f" {_classes(trials, ranges, kind)}")
    if not trials.ratings and not trials.categories:
        _say(console, "No trial has a rating or a category.")


def _classes(trials: Trials, ranges: Ranges, task: str) -> str:
    try:
        classes = said(target_of(task, trials, ranges, LabelConfig()))
    except ConfigError:
        return "needs labels.thresholds"
    except DataError:
        return f"only {', '.join(trials.categories[task].names)}"
    return classes if is_word(task) else f"{classes}; to be a task it needs another name: letters, digits, - and _"


def _configs(found: Iterable[Fit], people: int) -> Table:
    table = Table("config", "fits", "why not", title="Configs (memhacl-train run CONFIG --data ...)")
    for fit in sorted(found, key=lambda fit: -fit.people):
        fitting = f"{fit.people} of {people} people" if fit.people else "no"
        _row(table, fit.config, fitting, fit.reason, style="bold" if fit.people else "dim")
    return table


def _show_list(console: Console, title: str, sentences: Iterable[str]) -> None:
    lines = list(sentences)
    _say(console, f"{title}:", "" if lines else " nothing")
    for line in lines:
        console.print(f"- {line}", highlight=False, soft_wrap=True, markup=False)


def _say(console: Console, head: str, text: str = "") -> None:
    console.print(Text.assemble((head, "bold"), text), soft_wrap=True)


def _row(table: Table, *cells: str, style: str | None = None) -> None:
    """Add a row whose cells are no markup: names of people, streams and classes may hold square brackets."""
    table.add_row(*map(Text, cells), style=style)
