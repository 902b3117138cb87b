import threading
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from memhacl.train.measure.table import print_report
from memhacl.train.progress import stage_bar, waiting

SCORES = {"accuracy": 0.5, "balanced_accuracy": 0.5, "macro_f1": 0.4, "auroc": None, "ece": 0.1}
ABOVE = {
    "task": "valence", "level": "trial", "measure": "balanced_accuracy", "who": "model", "than": "lda",
    "difference": 0.0123, "interval": [-0.04, 0.061],
    "by_person": {"people": 2, "mean": 0.01, "wilcoxon_p": 1.0, "sign_flip_p": 0.0004},
}  # fmt: skip


def report(**changes: Any) -> dict[str, Any]:
    scores = SCORES | {"intervals": {"balanced_accuracy": [0.41, 0.59]}}
    none = SCORES | {"intervals": {"balanced_accuracy": None}}
    levels = {level: {"model": scores, "lda": scores, "majority": none} for level in ("window", "trial")}
    return {
        "name": "x",
        "method": "me-mhacl",
        "source": "DEAP",
        "simulated": False,
        "protocol_means": "people and stimuli unseen",
        "leaky": False,
        "finetuned": {"mode": "full", "labels": 1.0},
        "test": {"people": 2, "stimuli": 3, "trials": 6, "windows": 60},
        "tasks": {"valence": levels},
        "bootstrap": {"resampled": {"valence": ["people", "stimuli"]}},
        "comparisons": [ABOVE],
        "unavailable": {},
        "permutation": None,
        "warnings": [],
    } | changes


def printed(values: dict[str, Any]) -> str:
    text = StringIO()
    print_report(values, Console(file=text, width=80))
    return text.getvalue()


def test_the_table_names_its_protocol_and_the_size_of_the_test() -> None:
    text = printed(report())
    assert "protocol: people and stimuli unseen" in text
    assert "2 people, 3 stimuli, 6 trials, 60 windows" in text
    assert "Simulated" not in text
    assert "agrees" not in text  # nothing was planted in real people


def rows(text: str) -> dict[str, list[str]]:
    """Cells of the headline by predictor."""
    lines = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")
    ]
    return {cells[1]: cells[2:] for cells in lines if len(cells) == 5}


def test_the_headline_is_balanced_accuracy_with_its_interval_beside_what_it_must_beat() -> None:
    text = printed(report(unavailable={"person": "the protocol leaves people unseen"}))
    assert rows(text) == {
        "model": ["0.500 [0.41, 0.59]", "", ""],
        "lda": ["0.500 [0.41, 0.59]", "+0.012 [-0.04, +0.06]", "<0.001"],
        "majority": ["0.500", "", ""],
        "person": ["not available", "", ""],
    }
    assert next(iter(rows(text))) == "model"
    assert "person is not available: the protocol leaves people unseen." in text
    assert "95 % interval over people and stimuli" in text
    alone = printed(report(bootstrap={"resampled": {"valence": ["people"]}}))
    assert "95 % interval over people." in alone


def test_a_leaky_number_is_called_leaky_and_a_simulated_one_simulated() -> None:
    warnings = ["This protocol leaks (...)", "Simulated people: these numbers say nothing about real emotion."]
    text = printed(report(leaky=True, simulated=True, protocol_means="paper (leaky: ...)", warnings=warnings))
    assert "x (me-mhacl) on DEAP (simulated); protocol: paper (leaky: ...)" in text
    assert "This protocol leaks" in text
    assert "say nothing about real emotion" in text


def test_numbers_of_permuted_labels_cannot_be_taken_for_real_ones() -> None:
    text = printed(report(permuted={"how": "person", "number": 2}))
    assert text.startswith("PERMUTED LABELS: x (me-mhacl)")
    assert "PERMUTED" not in printed(report())


def test_what_refits_on_permuted_labels_reached_is_said() -> None:
    found = {"permutations": 99, "how": "person", "tasks": {"valence": {"p": 0.01}, "arousal": {"p": 0.4}}}
    text = printed(report(permutation=found))
    assert (
        "Permutation p (99 refits on labels exchanged within each person): valence 0.010, arousal 0.400." in text
    )


def test_a_stage_ends_in_one_line_that_says_what_it_did() -> None:
    text = StringIO()
    with stage_bar("prepare", Console(file=text, width=60)) as bar:
        bar.start(2)
        bar.step("s01")
        bar.finish("12 windows of 2 people")
    assert text.getvalue().splitlines()[0].split()[0] == "prepare"
    assert text.getvalue().strip().endswith("12 windows of 2 people")
    assert len(text.getvalue().splitlines()) == 1


def test_names_with_square_brackets_are_shown_as_they_are() -> None:
    text = StringIO()
    with stage_bar("prepare", Console(file=text, width=200, force_terminal=True)) as bar:
        bar.start(1)
        bar.step("P[red]0: [/b] 8 windows")
        bar.finish("left out: 2 people (P[red]0, [/red])")
    assert "left out: 2 people (P[red]0, [/red])" in text.getvalue()
    assert "lda on [/b]DEAP[red]" in printed(report(source="[/b]DEAP[red]", name="lda", method="x")).replace(
        "lda (x) on", "lda on"
    )


def test_without_a_terminal_a_line_now_and_then_says_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 15))
    monkeypatch.setattr("memhacl.train.progress.time.monotonic", lambda: float(next(clock)))
    text = StringIO()
    with stage_bar("prepare", Console(file=text, width=200)) as bar:
        bar.start(4)
        for person in ("a", "b", "c", "d"):
            bar.step(person)
    said = [line for line in text.getvalue().splitlines() if "left" in line]
    assert said == ["prepare   2 of 4, about 30 s left (b)", "prepare   4 of 4, about 0 s left (d)"]


def test_a_long_wait_is_said_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memhacl.train.progress._QUIET", 0.0)
    text, written = StringIO(), threading.Event()

    class Told(StringIO):
        def write(self, part: str) -> int:
            text.write(part)
            written.set()
            return len(part)

    with waiting("reading all data", Console(file=Told(), width=80)):
        assert written.wait(10)
    assert "reading all data ..." in text.getvalue()
    monkeypatch.setattr("memhacl.train.progress._QUIET", 3600.0)
    quiet = StringIO()
    with waiting("reading all data", Console(file=quiet, width=80)):
        pass
    assert quiet.getvalue() == ""


def test_a_probe_and_a_share_of_the_labels_are_said() -> None:
    text = printed(report(finetuned={"mode": "probe", "labels": 0.05}))
    assert "A linear probe: the encoder was not fine-tuned." in text
    assert "Trained, baselines too, on the labels of 5% of the training trials." in text
    assert "linear probe" not in printed(report())
