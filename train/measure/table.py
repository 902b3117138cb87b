"""The numbers of a run as a table, never without the protocol they were measured under."""

from typing import Any

from rich.console import Console
from rich.table import Table

_MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "agreement": "agrees",
}
_WHO = ("model", "lda", "majority", "oracle")


def print_report(report: dict[str, Any], console: Console) -> None:
    """Print the metrics of ``report`` (as in metrics.json), a row for each task, level and predictor."""
    planted = any("oracle" in levels["trial"] for levels in report["tasks"].values())
    names = [name for name in _MEASURES if planted or name != "agreement"]
    table = Table("task", "per", "by")
    for name in names:
        table.add_column(_MEASURES[name], justify="right")
    for task, levels in report["tasks"].items():
        for level, guessers in levels.items():
            for who in (who for who in _WHO if who in guessers):
                cells = [_cell(guessers[who].get(name)) for name in names]
                table.add_row(task, level, who, *cells, style="bold" if who == "model" else None)
        table.add_section()
    console.print(_title(report), soft_wrap=True, highlight=False, markup=False)
    console.print(table)
    for line in _notes(report, planted):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _title(report: dict[str, Any]) -> str:
    source = report["source"]
    if report["simulated"] and "simulated" not in source:
        source += " (simulated)"
    return f"{report['name']} ({report['method']}) on {source}; protocol: {report['protocol_means']}"


def _notes(report: dict[str, Any], planted: bool) -> list[str]:
    test = report["test"]
    notes = [
        f"Test: {test['people']} people, {test['stimuli']} stimuli, {test['trials']} trials, {test['windows']} "
        "windows.",
        "balanced: mean recall of the classes; lda: band power and LDA; majority: training's most frequent class.",
    ]
    how = report["finetuned"]
    if how["mode"] == "probe":
        notes.append("A linear probe: the encoder was not fine-tuned.")
    if how["labels"] < 1:
        notes.append(
            f"Trained, lda and majority too, on the labels of {how['labels']:.0%} of the training trials."
        )
    if planted:
        notes.append(
            "agrees: with the sign of the planted latent. The oracle knows it; what it misses is rating noise."
        )
    if report["simulated"]:
        notes.append("Simulated people: these numbers say nothing about real emotion.")
    if report["leaky"]:
        notes.append("This protocol leaks: these numbers say nothing about people or trials that are new.")
    return notes


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
