"""Ratings by a trial's number: no trial gets another one's, whatever becomes of a person's files."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording
from memhacl.stream.sources.registry import open_source

Xdf = Callable[[], Any]
VALENCE = {"happy": 8.0, "sad": 2.0, "angry": 3.0, "calm": 7.0}
MARKERS = {"start": r"on (?P<stimulus>\w+)", "end": "off", "stream": "keys"}


def run(xdf: Xdf, path: Path, *stimuli: str, word: str = "on", keys: str = "keys", start: float = 0.0) -> Path:
    file = xdf()
    amp = file.stream("amp", "EEG", 8.0, ({"label": "Cz", "unit": "uV"},))
    file.samples(amp, [start + number / 8 for number in range(240)], [float(number % 5) for number in range(240)])
    stream = file.stream(keys, "Markers", 0.0, format="string")
    for number, stimulus in enumerate(stimuli):
        onset = start + 10.0 * number + 3
        file.samples(stream, [onset, onset + 5], [f"{word} {stimulus}", "off"])
    return Path(file.write(path))


@pytest.fixture
def folder(xdf: Xdf, tmp_path: Path) -> Path:
    """Two people; the second has two runs of two stimuli, and ratings of all four by their numbers."""
    run(xdf, tmp_path / "P01_run-1.xdf", "calm", "happy", start=500.0)
    run(xdf, tmp_path / "P02_run-1.xdf", "happy", "sad")
    run(xdf, tmp_path / "P02_run-2.xdf", "angry", "calm", start=100.0)
    rows = [f"P02,{number},{value:g}" for number, value in enumerate(VALENCE.values(), 1)]
    (tmp_path / "r.csv").write_text("\n".join(["who,n,v", *rows, "P01,1,7", "P01,2,8"]))
    return tmp_path


def opened(folder: Path, person: str = "P02", **values: Any) -> Recording:
    ratings = {"file": "r.csv", "person": "who", "trial": "n", "scales": {"valence": "v"}}
    said = {"recordings": ".", "person": r"(?P<person>P\d+)", "markers": MARKERS, "ratings": ratings} | values
    (folder / "lab.yaml").write_text(yaml.safe_dump(said))
    return open_source(str(folder / "lab.yaml")).open(person)


def test_each_trial_has_the_rating_of_its_number(folder: Path) -> None:
    found = {trial.stimulus: trial.ratings["valence"] for _, trial in opened(folder).trials()}
    assert found == VALENCE


def cut_off(xdf: Xdf, path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.read_bytes().index(b"on happy") - 20])


def replaced(xdf: Xdf, path: Path) -> None:
    shutil.copy(path.with_name("P01_run-1.xdf"), path)


def linked(xdf: Xdf, path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("annex-of-P02"))


def doubled(xdf: Xdf, path: Path) -> None:
    shutil.copy(path, path.with_name("P02_run-3.xdf"))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda xdf, path: path.rename(path.with_name("P02_run-1_old1.xdf")), "an old recording"),
        (lambda xdf, path: path.unlink(), r"found others: 3 \(no trial\), 4 \(no trial\)"),
        (lambda xdf, path: run(xdf, path), r"P02_run-1\.xdf: no trials"),
        (lambda xdf, path: run(xdf, path, "happy", "sad", word="ON"), r"P02_run-1\.xdf: no trials"),
        (lambda xdf, path: run(xdf, path, "happy", "sad", keys="others"), r"P02_run-1\.xdf: no trials"),
        (cut_off, r"P02_run-1\.xdf: damaged or cut off"),
        (replaced, r"P02_run-1\.xdf: a copy"),
        (linked, r"P02_run-1\.xdf: not here"),
        (doubled, r"P02_run-3\.xdf: a copy"),
    ],
    ids=["old", "deleted", "empty", "unmatched", "no markers", "cut off", "another's", "not here", "doubled"],
)
def test_where_a_run_gives_no_trials_numbers_are_refused(
    xdf: Xdf, folder: Path, change: Callable[[Xdf, Path], object], match: str
) -> None:
    change(xdf, folder / "P02_run-1.xdf")
    with pytest.raises(DataError, match=rf"r\.csv: .*'P02'.*{match}") as problem:
        opened(folder)
    assert "\n" not in str(problem.value)


def test_where_a_run_is_left_out_numbers_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=r"'P02' may be missing \(P02_run-1\.xdf: left out by the data file\)"):
        opened(folder, leave_out_files=["P02_run-1*"])
    assert len(list(opened(folder, "P01", leave_out_files=["P02_run-1*"]).trials())) == 2


def test_a_run_that_its_repetition_replaced_is_no_doubt(xdf: Xdf, folder: Path) -> None:
    run(xdf, folder / "P02_run-1_old1.xdf", "happy", start=9.0)
    assert len(list(opened(folder).trials())) == 4


@pytest.mark.parametrize(
    ("rows", "match"), [("1234x", "1 to 4"), ("124", r"3 \(no row\)"), ("12345", "5 .no trial")]
)
def test_rows_are_those_of_all_trials(folder: Path, rows: str, match: str) -> None:
    lines = [f"P02,{number},5" for number in rows.replace("x", "6")]
    (folder / "r.csv").write_text("\n".join(["who,n,v", *lines]))
    with pytest.raises(DataError, match=match):
        opened(folder)


def test_a_person_without_rows_is_noted_and_others_need_no_ratings(folder: Path) -> None:
    (folder / "r.csv").write_text("who,n,v\nP01,1,\nP01,2,n/a\n")
    assert "r.csv: no row for 4 of 4 trials of 'P02': 1, 2, 3, 4" in opened(folder).notes
    recording = opened(folder, leave_out_files=["P02_run-1*"])
    assert "r.csv: no row for 2 of 2 trials of 'P02': 1, 2" in recording.notes
    assert [trial.ratings for _, trial in opened(folder, "P01").trials()] == [{}, {}]
