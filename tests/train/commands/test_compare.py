import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugins.said import said

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.cli import dispatch
from memhacl.train.measure.predictions import Tasks, save_predictions
from memhacl.train.measure.summary import summarise

ABOUT: dict[str, Any] = {
    "name": "x", "method": "supervised", "source": "made up", "simulated": True,
    "protocol_means": "people and stimuli unseen",
}  # fmt: skip


def run(path: Path, tasks: Tasks | Sequence[Tasks], **about: Any) -> str:
    """What a run, or a cross-validation, leaves in its folder for comparisons."""
    (path / "evaluate").mkdir(parents=True)
    save_predictions(path / "evaluate" / "predictions.npz", tasks)
    report = summarise(tasks, ABOUT | {"name": path.name} | about, 100, 0)
    (path / "evaluate" / "metrics.json").write_text(json.dumps(report), encoding="utf-8")
    return str(path)


def compared(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert dispatch(["compare", *arguments]) == 0
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_a_better_run_is_better_person_by_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = run(tmp_path / "good", {"mood": said(people=12, predictors={"model": 3.0})})
    poor = run(tmp_path / "poor", {"mood": said(people=12, predictors={"model": 0.0}, seed=1)})
    text = compared(capsys, good, poor)
    assert "A: " in text
    assert "good (supervised) on made up (simulated); protocol: people and stimuli unseen" in text
    assert "Simulated people: these numbers say nothing about real emotion." in text
    row = text[text.index("mood 0.") :].split()
    mine, theirs, difference = (float(cell) for cell in row[1:4])
    assert difference == pytest.approx(mine - theirs, abs=0.0011)
    assert difference > 0.2
    low, high = (float(end.strip("[],")) for end in row[4:6])
    assert 0 < low < difference < high
    assert row[6:11] == ["12", "of", "12", "<0.001", "<0.001"]
    back = compared(capsys, poor, good)
    assert f"-{difference:.3f}" in back


def test_a_run_against_itself_shows_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = run(tmp_path / "a", {"mood": said(people=7)})
    text = compared(capsys, here, here, "--measure", "auroc", "--per", "window")
    assert "AUROC per window" in text
    assert "+0.000 [+0.00, +0.00] 0 of 7 1.000 1.000" in text


def test_seeds_are_averaged_and_the_order_of_windows_does_not_matter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = [{"mood": said(seed=number, predictors={"model": 1.0})} for number in range(3)]
    mixed = [{"mood": one["mood"].of(np.random.default_rng(0).permutation(144))} for one in seeds]
    text = compared(capsys, run(tmp_path / "a", seeds), run(tmp_path / "b", mixed))
    assert "+0.000 [+0.00, +0.00]" in text
    assert "Seeds were averaged in each person: 3 of A, 3 of B." in text


def test_runs_that_cannot_be_compared_are_both_named(tmp_path: Path) -> None:
    one = run(tmp_path / "one", {"mood": said()})
    for name, tasks, match in (
        ("fewer", {"mood": said(people=5)}, r"the same test windows \('mood'\), found 144 windows of 6 people, 8"),
        (
            "others",
            {"mood": said(labels=1)},
            r"the same labels \('mood'\), found others in \d+ of 144 test windows",
        ),
        ("tasks", {"joy": said()}, r"the same tasks and classes, found mood \(low, high\) and joy \(low, high\)"),
        ("classes", {"mood": said(classes=("a", "b"))}, r"found mood \(low, high\) and mood \(a, b\)"),
    ):
        with pytest.raises(DataError, match=match) as refused:
            dispatch(["compare", one, run(tmp_path / name, tasks)])
        assert str(refused.value).startswith(f"{one} and {tmp_path / name}: ")


def test_mistakes_are_told(tmp_path: Path) -> None:
    one = run(tmp_path / "one", {"mood": said()})
    with pytest.raises(DataError, match=r"expected the folder of an evaluated run or cross-validation"):
        dispatch(["compare", one, str(tmp_path)])
    with pytest.raises(ConfigError, match="--resamples 3: expected 100 or more"):
        dispatch(["compare", one, one, "--resamples", "3"])
    (tmp_path / "one" / "evaluate" / "metrics.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"metrics\.json: is damaged"):
        dispatch(["compare", one, one])


def test_permuted_labels_are_shouted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = run(tmp_path / "a", {"mood": said()}, permuted={"how": "stimulus", "number": 2})
    text = compared(capsys, here, here)
    assert text.count("PERMUTED LABELS: a (supervised)") == 2
    assert "Labels were permuted between stimuli" in text
