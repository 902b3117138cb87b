"""Stress-Predict: the wristband's signals on its own clock, labelled seconds as trials; on the real files too."""

import os
import pickle
import shutil
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.stress_predict import EPOCH, HEADER, write, write_e4

from memhacl.stream.errors import DataError
from memhacl.stream.lsl.selection import choose_modalities, select
from memhacl.stream.path.offline import recording_windows
from memhacl.stream.signals import Recording
from memhacl.stream.sources.formats.empatica import read_column
from memhacl.stream.sources.registry import open_source
from memhacl.stream.sources.stress_labels import USUAL
from memhacl.stream.sources.stress_predict import PEOPLE, find
from memhacl.stream.spec import ModalitySpec, SignalSpec

ROOT = Path(__file__).parents[3]
REAL = Path(os.environ.get("MEMHACL_REAL_DATA", ROOT.parent / "shared" / "data")) / "stress_predict"
RUNS = (20, 12, 8, 15, 6, 10, 14)
SPEC = SignalSpec(
    modalities=(
        ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none", look_ahead=0.5),
        ModalitySpec(modality="Temp", channels=("Temp",), unit="degC", baseline="none", look_ahead=0.5),
    ),
    rate=8,
)
real = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"no real recordings: MEMHACL_REAL_DATA has no stress_predict ({REAL})"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "Stress Prädikt", runs=RUNS)


@pytest.fixture
def table(folder: Path) -> Path:
    return folder / "Processed_data" / "Improved_All_Combined_hr_rsp_binary.csv"


def opened(folder: Path, person: str = "S02") -> Recording:
    return open_source(str(folder)).open(person)


def test_reads_conductance_and_temperature_at_their_own_times(folder: Path) -> None:
    recording = opened(folder)
    (segment,) = recording.segments
    found = [(s.format.modality, s.format.channels, s.format.unit, s.format.rate) for s in segment.signals]
    assert found == [("GSR", ("GSR",), "uS", 4.0), ("Temp", ("Temp",), "degC", 4.0)]
    assert [(s.start, len(s.data), s.data.dtype.name) for s in segment.signals] == [
        (0.0, 374, "float32"),
        (0.0, 376, "float32"),
    ]
    assert segment.signals[0].data[0, 0] == 0
    lines = (folder / "Raw_data" / "S02" / "TEMP.csv").read_text().split()
    np.testing.assert_array_equal(segment.signals[1].data[:, 0], np.array(lines[2:], dtype="f4"))


def test_names_the_three_tasks_and_the_rests_between(folder: Path) -> None:
    trials = [trial for _, trial in opened(folder).trials()]
    assert [t.stimulus for t in trials] == list(USUAL)
    assert [t.categories["stress"] for t in trials] == ["rest", "stress"] * 3 + ["rest"]
    edges = (9 + np.cumsum((0, *RUNS))).tolist()
    assert [(t.rest, t.onset, t.end) for t in trials] == [(first, first, last) for first, last in pairwise(edges)]


def test_a_person_without_labels_is_kept_without_trials_and_told(folder: Path) -> None:
    source = open_source(str(folder))
    assert source.people == ("S01", "S02", "S03")
    assert source.notes == (
        "32 of 35 people have no folder with EDA.csv, TEMP.csv and tags that can be read: "
        "S04, S05, S06, S07, S08, ...",
    )
    recording = source.open("S01")
    assert (list(recording.trials()), dict(recording.excluded)) == ([], {"no_labels": 1})
    assert recording.notes == ("S01: has no labels in Improved_All_Combined_hr_rsp_binary.csv, so no trials",)


def test_a_missing_table_is_told_before_anyone_is_opened(folder: Path, table: Path) -> None:
    table.unlink()
    source = open_source(str(folder / "Raw_data"))
    assert source.notes[-1] == (
        "no labels: expected Processed_data/Improved_All_Combined_hr_rsp_binary.csv beside Raw_data"
    )
    assert source.open("S02").excluded == {"no_labels": 1}
    assert source.fingerprint()


@pytest.mark.parametrize("inside", ["", "Raw_data", "Raw_data/S02"])
def test_is_found_at_its_folder_its_raw_data_or_one_person(inside: str, folder: Path) -> None:
    source = open_source(str(folder / inside))
    assert source.people == (("S02",) if "S02" in inside else ("S01", "S02", "S03"))
    assert len(list(source.open("S02").trials())) == 7


def test_is_found_from_within(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "Raw_data")
    assert len(list(open_source(".").open("S02").trials())) == 7
    assert len(list(open_source("S02").open("S02").trials())) == 7


def test_another_export_of_the_wristband_is_not_taken_for_it(tmp_path: Path) -> None:
    for name in ("S02", "S2_E4_Data"):
        (tmp_path / name).mkdir()
        for file in ("EDA.csv", "TEMP.csv", "tags.csv"):
            (tmp_path / name / file).touch()
        assert find(tmp_path / name) is None
    assert find(tmp_path) is None
    assert find(tmp_path / "S02" / "EDA.csv") is None


def test_signals_that_start_apart_stay_apart(folder: Path) -> None:
    place = folder / "Raw_data" / "S02"
    write_e4(place / "EDA.csv", EPOCH + 8003.5, 4, np.ones(350), "%.6f")
    gsr, temp = opened(folder).segments[0].signals
    assert (gsr.start, temp.start) == (3.5, 0.0)
    assert next(opened(folder).trials())[1].onset == 9.0


def test_labels_where_there_are_no_signals_make_no_trial(folder: Path) -> None:
    place = folder / "Raw_data" / "S02"
    for name in ("EDA", "TEMP"):
        write_e4(place / f"{name}.csv", EPOCH + 8000 + 15, 4, np.ones(4 * 57), "%.2f")
    recording = opened(folder)
    trials = [trial for _, trial in recording.trials()]
    assert [t.stimulus for t in trials] == list(USUAL[:6])
    assert [(t.onset, t.end) for t in (trials[0], trials[-1])] == [(0.0, 14.0), (55.0, 57.0)]
    assert dict(recording.excluded) == {"no_signals": 1}


def rows(*labelled: tuple[int, int]) -> str:
    body = "".join(f"2,80,12.1,{EPOCH + 8000 + second},{label}\r\n" for second, label in labelled)
    return f"{HEADER}\r\n{body}"


def test_another_order_of_tasks_is_numbered_and_told(folder: Path, table: Path) -> None:
    """A hole in the labels ends a trial; a time stamp that was rounded does not."""
    seconds = [*range(10, 20), *range(25, 40)]
    table.write_text(rows(*((second, int(second >= 30)) for second in seconds)))
    recording = opened(folder)
    assert [(t.stimulus, t.onset, t.end) for _, t in recording.trials()] == [
        ("rest-1", 10.0, 20.0),
        ("rest-2", 25.0, 30.0),
        ("stress-1", 30.0, 40.0),
    ]
    assert recording.notes == (
        "S02: its labels are not four rests with three tasks between them; tasks are numbered, not named",
    )


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "expected the columns Participant, Time\\(sec\\), Label, found ''"),
        ("a,b,c\n1,2,3\n", "expected the columns Participant, .*, found 'a,b,c'"),
        (HEADER + "\n\n", "expected a row for each second, found none"),
        (HEADER + "\n2,80,,1644235574,x\n", "line 2: expected numbers for .*, found '2,80,,1644235574,x'"),
        (HEADER + "\n\n2,80\n", "line 3: expected numbers"),
        (rows((1, 0)) + "2,80,12,nan,0\n", "line 3: expected a person, a time and 0 or 1"),
        (rows((1, 2)), "line 2: expected a person, a time and 0 or 1"),
        (rows((5, 0), (4, 0)), "participant 2: expected rising times, found 1644235578 after 1644235579"),
        (rows((5, 0), (5, 1)), "participant 2: expected rising times"),
    ],
)  # fmt: skip
def test_says_which_label_is_wrong(text: str, match: str, folder: Path, table: Path) -> None:
    table.write_text(text)
    with pytest.raises(DataError, match=rf"binary\.csv: {match}"):
        opened(folder)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_quirks_of_the_export_are_read(newline: str, tmp_path: Path) -> None:
    """Lines of Windows, blank lines at the end, a byte order mark, missing values."""
    path = tmp_path / "EDA.csv"
    write_e4(path, 1644227574, 4, np.array([0.5, np.nan, 0.0]), "%.6f", newline)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + 2 * newline.encode())
    track = read_column(path)
    assert (track.start, track.rate) == (1644227574.0, 4.0)
    np.testing.assert_array_equal(track.samples, np.array([[0.5], [np.nan], [0]], "f4"))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "expected a start, a rate and samples, a line each, found 0 lines"),
        (b"1644227574.0\r\n4.0\r\n\r\n", "found 2 lines; export it again"),
        (
            b"1644227574.0, 1644227574.0\n32.0, 32.0\n1, 2\n",
            "line 1: expected one number, found '1644227574.0, 16",
        ),
        (b"1644227574\n4\n0.1\n0.x\n", "line 4: expected one number, found '0.x'"),
        (b"nan\n4\n0.1\n", "expected a start in seconds since 1970 and a rate in Hz, found nan and 4"),
        (b"1644227574\n0\n0.1\n", "found 1.64423e\\+09 and 0"),
        (b"1644227574\ninf\n0.1\n", "and inf"),
        (b"\xff\xfe1\x004\x00", "bytes that are no text"),
    ],
)
def test_says_which_export_is_wrong(content: bytes, match: str, folder: Path) -> None:
    (folder / "Raw_data" / "S02" / "EDA.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"EDA\.csv: .*{match}"):
        opened(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 400), byte=st.integers(0, 255), cut=st.booleans(), which=st.integers(0, 1))
def test_damage_never_escapes_as_another_error(place: int, byte: int, cut: bool, which: int, folder: Path) -> None:
    path = (folder / "Raw_data" / "S02" / "EDA.csv", next((folder / "Processed_data").iterdir()))[which]
    whole = path.read_bytes()
    path.write_bytes(whole[:place] if cut else whole[:place] + bytes([byte]) + whole[place + 1 :])
    with suppress(DataError):
        opened(folder)
    path.write_bytes(whole)


def test_the_labels_are_read_anew_when_they_change_but_do_not_travel(folder: Path, table: Path) -> None:
    source = open_source(str(folder))
    source.open("S02")
    sent = pickle.dumps(source)
    assert len(sent) < 2000
    copied: Any = pickle.loads(sent)
    assert list(copied.open("S02").trials()) == list(source.open("S02").trials())
    table.write_text(rows((10, 0), (11, 0)))
    assert [trial.end for _, trial in source.open("S02").trials()] == [12.0]


def test_the_fingerprint_follows_signals_and_labels_but_not_the_place(folder: Path, tmp_path: Path) -> None:
    first = open_source(str(folder)).fingerprint()
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert open_source(str(copy)).fingerprint() == first
    for changed in ("Raw_data/S03/TEMP.csv", "Processed_data/Improved_All_Combined_hr_rsp_binary.csv"):
        with (copy / changed).open("a") as file:
            file.write("\n")
        found = open_source(str(copy)).fingerprint()
        assert found != first
        first = found


def test_windows_come_within_the_trials_and_replay_finds_its_modalities(folder: Path) -> None:
    recording = opened(folder)
    starts = [w.start for _, w in recording_windows(recording, SPEC) if w.valid and w.data.shape == (2, 8)]
    for _, trial in recording.trials():
        inside = [start for start in starts if trial.onset <= start and start + 1 <= trial.end]
        assert len(inside) >= trial.end - trial.onset - 2
    assert choose_modalities(recording, None) == ("GSR", "Temp")
    (piece,) = select(recording, ("GSR",), frozenset({4}))
    assert piece.segment.trials[0].stimulus == "interview"


@real
def test_everyone_of_the_real_people_has_the_seven_parts_but_the_first() -> None:
    source = open_source(str(REAL))
    assert (source.people, source.notes) == (PEOPLE, ())
    for person in source.people[1:]:
        recording = source.open(person)
        assert tuple(trial.stimulus for _, trial in recording.trials()) == USUAL
        assert (dict(recording.excluded), recording.notes) == ({}, ())
        assert next(recording.trials())[1].onset == 9.0
        end = max(signal.end for signal in recording.segments[0].signals)
        assert end - 8 < list(recording.trials())[-1][1].end <= end
    assert source.open("S01").excluded == {"no_labels": 1}


@real
def test_a_real_persons_signals_and_windows() -> None:
    recording = open_source(str(REAL / "Raw_data" / "S02")).open("S02")
    gsr, temp = recording.segments[0].signals
    np.testing.assert_array_equal(
        gsr.data[:, 0], np.loadtxt(REAL / "Raw_data" / "S02" / "EDA.csv", skiprows=2, dtype="f4")
    )
    assert (len(gsr.data), len(temp.data)) == (14262, 14264)
    stroop = list(recording.trials())[1][1]
    assert (stroop.onset, stroop.end) == (622.0, 998.0)
    starts = [w.start for _, w in recording_windows(recording, SPEC) if w.valid]
    assert len([s for s in starts if stroop.onset <= s and s + 1 <= stroop.end]) == 376
