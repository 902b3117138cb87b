"""Tables and pictures from made-up predictions: our number beside the paper's, and what must be said with it."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugins.said import said
from rich.console import Console

from memhacl.train.crossvalidation.trainings import Training
from memhacl.train.measure.predictions import save_predictions
from memhacl.train.measure.summary import summarise
from memhacl.train.protocols import MEANING
from memhacl.train.report.embedding import Cloud, save_clouds
from memhacl.train.settings import load_config
from memhacl.train.tables.cells import Cell, cells_of
from memhacl.train.tables.changes import defaults
from memhacl.train.tables.experiments import CONFIGS, EXPERIMENTS
from memhacl.train.tables.pictures import draw
from memhacl.train.tables.result import Result, complete
from memhacl.train.tables.written import show, write

BOTH = ("paper", "subject+stimulus")
CLASSES = {
    "valence": ("low", "high"),
    "arousal": ("low", "high"),
    "quadrant": ("LVLA", "LVHA", "HVLA", "HVHA"),
}


def evaluated(cell: Cell, simulated: bool) -> None:
    """Leave in the folder of ``cell`` what an evaluation leaves, of two folds where it has folds."""
    config, compare = cell.config, cell.config.crossvalidate.compare
    skills = {"model": 3.0 if cell.protocol == "paper" else 0.3, "majority": 0.0, "lda": 0.6, "svm": 0.1}
    tasks = {
        task: said(people=5, stimuli=6, classes=CLASSES[task], predictors=skills | dict.fromkeys(compare, 0.2))
        for task in config.labels.tasks
    }
    about: dict[str, Any] = {
        "name": config.name, "method": "me-mhacl", "source": "made up", "simulated": simulated,
        "protocol_means": MEANING[cell.protocol], "leaky": cell.protocol == "paper", "folds": 1, "seeds": [0],
        "test": {"people": 5, "stimuli": 6, "trials": 30, "windows": 90}, "unavailable": {"stimulus": "unseen"},
    }  # fmt: skip
    folder = cell.path / "evaluate"
    folder.mkdir(parents=True)
    save_predictions(folder / "predictions.npz", tasks)
    report = summarise(tasks, about, 100, 0)
    (folder / "metrics.json").write_text(json.dumps(report), encoding="utf-8")
    for way in ("model", *compare):
        run = Training(0, 0, way).path(cell.path) / "evaluate"
        run.mkdir(parents=True)
        save_predictions(run / "predictions.npz", tasks)
        save_clouds(run / "embedding.npz", {task: cloud(task) for task in config.labels.tasks})


def cloud(task: str) -> Cloud:
    """Twenty points of an encoder with two heads over two modalities."""
    random = np.random.default_rng(0)
    names = np.array(CLASSES[task])[random.integers(0, len(CLASSES[task]), 20)]
    who = np.array(["p"] * 20)
    return Cloud(random.normal(size=(20, 2)), who, who, {task: names}, np.full((2, 2), 0.5), ("EEG", "GSR"))


def made(name: str, out: Path, simulated: bool = False, lost: tuple[int, ...] = (), quick: bool = False) -> Result:
    experiment = EXPERIMENTS[name]
    kind = next(iter(experiment.data))
    config = defaults(load_config(CONFIGS[kind]), quick)
    cells = cells_of(experiment, config, BOTH, out)
    failed = [cells[place] for place in lost]
    for cell in cells:
        if cell not in failed:
            evaluated(cell, simulated)
    measured = complete(cells, failed)
    return Result(experiment, kind, "made up", simulated, quick, config, BOTH, measured, tuple(failed))


def printed(result: Result) -> str:
    text = StringIO()
    show(result, [Path("picture.png")], Console(file=text, width=400))
    return text.getvalue()


def line(text: str, start: str) -> list[str]:
    """The cells of the first row that begins with ``start``."""
    row = next(row for row in text.splitlines() if row.strip("│ ").startswith(start))
    return [cell.strip() for cell in row.strip("│").split("│")]


def test_our_numbers_stand_beside_the_papers_with_interval_and_baselines(tmp_path: Path) -> None:
    result = made("table4", tmp_path)
    text = printed(result)
    heads = next(row for row in text.splitlines() if "valence: accuracy of" in row)
    assert "ours, paper (LEAKY)" in heads
    assert "subject+stimulus: balanced, a trial" in heads
    what, paper, leaky, trusted, honest = line(text, "ME-MHACL, fine-tuned")
    assert (what, paper) == ("ME-MHACL, fine-tuned", "0.9639")
    for one, cell, level, measure in (
        (leaky, 0, "window", "accuracy"),
        (trusted, 1, "window", "accuracy"),
        (honest, 1, "trial", "balanced_accuracy"),
    ):
        scores = result.measured[cell].metrics["tasks"]["valence"][level]["model"]
        low, high = scores["intervals"][measure]
        assert one == f"{scores[measure]:.3f} [{low:.2f},\N{NO-BREAK SPACE}{high:.2f}]"
    assert line(text, "ME-MHACL, fully supervised")[1] == "0.9572"
    assert line(text, "ACRNN (2019)")[1:] == ["0.9372", "-", "-", "-"]
    assert line(text, "majority")[1] == "-"
    assert "(lda)" in line(text, "best baseline")[3]
    assert "Figure: picture.png" in text


def test_the_protocol_of_everybody_is_said_in_words(tmp_path: Path) -> None:
    text = printed(made("table5", tmp_path))
    assert "The paper's protocol: 1-s clips drawn at random 70/15/15" in text
    assert "Ours, paper (paper (leaky:" in text
    assert "to recognise the trial is enough" in text
    assert "Ours, subject+stimulus (people and stimuli unseen): Neither the tested people nor" in text
    assert "tested 5 people, 6 stimuli, 30 trials, 90 windows" in text
    assert "TSception (2021): 10 folds over whole trials" in text
    assert "MindLink-Eumpy (2021): subject-independent" in text
    assert "HCNNS-MFB (2022): not given in the paper" in text
    assert line(text, "TSception (2021)")[2] != "-"  # ours, under our protocols
    assert "subject+stimulus: Only 5 test people" in text


def test_simulated_and_quick_are_said_wherever_a_number_stands(tmp_path: Path) -> None:
    result = made("fig6", tmp_path, simulated=True, quick=True)
    text = printed(result)
    assert "(SIMULATED; quick: not the paper's schedule)" in text
    assert "SIMULATED people: our numbers and the paper's cannot be compared." in text
    assert "0.8935" in text  # the paper's column stays
    assert "pretrain.epochs 3 (paper: 4000)" in text
    assert "SIMULATED" not in printed(made("fig6", tmp_path / "real"))


def test_what_the_paper_does_not_give_is_said(tmp_path: Path) -> None:
    text = printed(made("fig6", tmp_path))
    assert line(text, "ME-MHACL, fine-tuned: recall of LVLA")[1] == "not given"
    assert "a picture only" in text
    assert line(printed(made("fig12", tmp_path)), "without attention, linear probe")[1] == "not given"


def test_recalls_are_the_diagonal_of_the_matrix(tmp_path: Path) -> None:
    result = made("fig6", tmp_path)
    counts = np.array(result.measured[1].confusion("quadrant", "supervised"))
    found = line(printed(result), "ME-MHACL, fully supervised: recall of HVLA")[3]
    assert found == f"{counts[2, 2] / counts[2].sum():.3f}"


def test_loss_is_the_cross_entropy_of_what_was_said(tmp_path: Path) -> None:
    result = made("fig8", tmp_path)
    found = said(people=5, stimuli=6, classes=CLASSES["valence"], predictors={"model": 0.3, "majority": 0.0})
    each = found.probabilities["model"][np.arange(len(found)), found.truth]
    row = line(printed(result), "EEG, fine-tuned: loss")
    assert row[1] == "0.3101"
    assert float(row[3]) == pytest.approx(-np.log(each).mean(), abs=6e-4)


def test_a_table_that_is_not_complete_says_so_and_shows_the_rest(tmp_path: Path) -> None:
    result = made("fig9", tmp_path, lost=(0,))
    text = printed(result)
    assert "NOT COMPLETE: trainings failed of EEG + Temp, paper" in text
    row = line(text, "EEG + Temp, fine-tuned")
    assert (row[1], row[2]) == ("0.9706", "-")
    assert row[3] != "-"
    nothing = made("table4", tmp_path / "all", lost=(0, 1))
    assert line(printed(nothing), "ME-MHACL, fine-tuned")[1:] == ["0.9639", "-", "-", "-"]
    assert draw(nothing, tmp_path)  # the paper's numbers alone


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("supervised", ["dots-valence.png", "dots-arousal.png", "dots-quadrant.png"]),
        ("fig7", ["confusion-quadrant.png"]),
        ("fig11", ["cloud-quadrant.png"]),
        ("attention", ["attention-valence.png", "attention-arousal.png", "attention-quadrant.png"]),
    ],
)
def test_files_hold_the_table_its_notes_and_pictures(name: str, pictures: list[str], tmp_path: Path) -> None:
    result = made(name, tmp_path / "out", simulated=True)
    figures = draw(result, tmp_path)
    assert [figure.name for figure in figures] == pictures
    for figure in figures:
        assert b"SIMULATED" in figure.read_bytes()  # its title is in the file's head
    write(result, figures, tmp_path)
    stored = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert (stored["table"], stored["simulated"], stored["figures"]) == (name, True, pictures)
    assert stored["protocols"]["paper"]["leaky"] is True
    assert stored["notes"] == result.notes
    assert len(stored["rows"]) == len(result.rows)
    assert all((tmp_path / training["folder"]).is_dir() for training in stored["trainings"])
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "SIMULATED" in text.splitlines()[0]
    assert all(f"({picture})" in text for picture in pictures)
    assert text.count("\n| ") == len(result.rows) + 2
