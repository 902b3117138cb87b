"""The numbers of a run as tables, never without the protocol they were measured under."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from memhacl.train.measure.cautions import PERMUTED
from memhacl.train.measure.predictions import MODEL, ORACLE

_MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "ece": "ECE",
    "agreement": "agrees",
}
_HEADLINE = "balanced_accuracy"


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Print ``report``, the content of metrics.json: the headline beside what it must beat, then the rest."""
    planted = any(ORACLE in levels["trial"] for levels in report["tasks"].values())
    plainly(title(report), console)
    for table in (_headline(report), _every_measure(report, planted)):
        console.print(table)
    for line in (*_notes(report, planted), *report["warnings"]):
        plainly(line, console)


def title(report: Mapping[str, Any]) -> str:
    """Say what was measured, on whom and under which protocol: what stands above every table."""
    source = report["source"]
    if report["simulated"] and "simulated" not in source:
        source += " (simulated)"
    permuted = "PERMUTED LABELS: " if report.get("permuted") else ""
    return f"{permuted}{report['name']} ({report['method']}) on {source}; protocol: {report['protocol_means']}"


def plainly(line: str, console: Console) -> None:
    """Print a line as it is: names may hold what rich takes for markup."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def _headline(report: Mapping[str, Any]) -> Table:
    """Balanced accuracy a trial of each predictor, and by how much the model is above it."""
    table = Table("task", "by")
    for column in ("balanced accuracy per trial", "model above it", "p"):
        table.add_column(column, justify="right")
    for task, levels in report["tasks"].items():
        for who in _in_order(levels["trial"]):
            scores, style = levels["trial"][who], "bold" if who == MODEL else None
            value = with_interval(scores[_HEADLINE], scores["intervals"][_HEADLINE])
            table.add_row(task, who, value, *_above(report, task, who), style=style)
        for who in report["unavailable"]:
            table.add_row(task, who, "not available", "", "")
        table.add_section()
    return table


def _in_order(found: Iterable[str]) -> list[str]:
    """Predictors, the model first and the oracle last."""
    return sorted(found, key=lambda who: (who != MODEL, who == ORACLE))


def _above(report: Mapping[str, Any], task: str, who: str) -> tuple[str, str]:
    """By how much the model is above ``who``, and p over people; nothing of the model itself or the oracle."""
    wanted = (task, "trial", who, _HEADLINE)
    for found in report["comparisons"]:
        if tuple(found[key] for key in ("task", "level", "than", "measure")) == wanted:
            difference = with_interval(found["difference"], found["interval"], "+.3f")
            return difference, p_value(found["by_person"]["sign_flip_p"])
    return "", ""


def _every_measure(report: Mapping[str, Any], planted: bool) -> Table:
    """Every measure of the model."""
    names = [name for name in _MEASURES if planted or name != "agreement"]
    table = Table("model", "per")
    for name in names:
        table.add_column(_MEASURES[name], justify="right")
    for task, levels in report["tasks"].items():
        for level in (level for level in levels if MODEL in levels[level]):
            table.add_row(task, level, *(number(levels[level][MODEL].get(name)) for name in names))
    return table


def _notes(report: Mapping[str, Any], planted: bool) -> list[str]:
    test = report["test"]
    notes = [
        f"Test: {test['people']} people, {test['stimuli']} stimuli, {test['trials']} trials, {test['windows']} "
        "windows.",
        f"balanced: mean recall of the classes. In brackets: 95 % interval{_over(report)}. p: of the mean "
        "difference in people, by sign flips, for other people and these stimuli. ECE: expected calibration "
        "error.",
    ]
    notes += [f"{who} is not available: {why}." for who, why in report["unavailable"].items()]
    notes += _permutation(report["permutation"])
    how = report["finetuned"]
    if how["mode"] == "probe":
        notes.append("A linear probe: the encoder was not fine-tuned.")
    if how["labels"] < 1:
        notes.append(f"Trained, baselines too, on the labels of {how['labels']:.0%} of the training trials.")
    if planted:
        notes.append(
            "agrees: with the sign of the planted latent. The oracle knows it; what it misses is rating noise."
        )
    return notes


def _permutation(found: Mapping[str, Any] | None) -> list[str]:
    """Say what refits on exchanged labels reached."""
    if found is None:
        return []
    values = ", ".join(f"{task} {p_value(one['p'])}" for task, one in found["tasks"].items())
    return [
        f"Permutation p ({found['permutations']} refits on labels exchanged {PERMUTED[found['how']]}): {values}."
    ]


def _over(report: Mapping[str, Any]) -> str:
    """Say what was resampled."""
    kinds = dict.fromkeys(" and ".join(names) for names in report["bootstrap"]["resampled"].values() if names)
    return f" over {' or '.join(kinds)}" if kinds else ""


def with_interval(value: float | None, interval: list[float] | None, form: str = ".3f") -> str:
    """Say a number and its interval, as far as there are any."""
    if value is None or interval is None:
        return number(value, form)
    low, high = (format(end, form[:-2] + "2f") for end in interval)
    return f"{number(value, form)} [{low}, {high}]"


def p_value(value: float | None) -> str:
    """Say a p."""
    return "<0.001" if value is not None and value < 0.001 else number(value)


def number(value: float | None, form: str = ".3f") -> str:
    """Say a number, or that there is none."""
    return "-" if value is None else format(value, form)
