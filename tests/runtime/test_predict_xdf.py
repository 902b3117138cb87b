"""memhacl-predict on a laboratory's session: the model's streams are found among all that were recorded."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from plugins.xdf import XdfWriter

from memhacl.runtime.predict import rows
from memhacl.runtime.session import Model
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat, Trial

SECONDS = 6
START = 812.5
COMMAND = [str(Path(sys.executable).parent / "memhacl-predict")]


def signals() -> tuple[Signal, Signal]:
    random = np.random.default_rng(2)
    eeg, gsr = (random.normal(size=(128 * SECONDS, width)).astype(np.float32) for width in (2, 1))
    return (
        Signal(StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 128.0), eeg, START),
        Signal(StreamFormat("skin", "GSR", ("GSR",), "uS", 128.0), gsr, START),
    )


BEGIN, END = 'memhacl:trial_start {"stimulus":"film ü"}', "memhacl:trial_end"


def session(path: Path, second_skin: bool = False, begin: str = BEGIN, end: str = END) -> Path:
    file = XdfWriter()
    eeg, gsr = signals()
    gaze = file.stream("Tobii", "Gaze", 0.0, count=2)
    file.samples(gaze, [START + 1, START + 1.5], [[0, 1], [2, 3]])
    amp = file.stream("Brain Amp", "EEG", 128.0, ({"label": "OZ", "unit": "mV"}, {"label": "Cz", "unit": "mV"}))
    file.samples(amp, eeg.stamps.tolist(), (eeg.data[:, ::-1] / 1000).tolist())
    for name in ("Shimmer A", "Shimmer B")[: 2 if second_skin else 1]:
        skin = file.stream(name, "EDA", 128.0, ({"label": "skin", "unit": "microsiemens"},))
        file.samples(skin, gsr.stamps.tolist(), gsr.data.tolist())
    keys = file.stream("PsychoPy", "Markers", 0.0, format="string")
    file.samples(keys, [START + 1, START + 2.2, START + 4], [begin, "Taste 3", end])
    return Path(file.write(path))


def predict(path: Path, model: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, str(path), "--model", str(model), "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_session_gives_the_rows_of_the_signals_that_it_holds(model_file: Path, tmp_path: Path) -> None:
    path = session(tmp_path / "Sitzung é 3" / "sub-07_ses-1_eeg.xdf")
    done = predict(path, model_file, tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    trial = Trial("film ü", START + 1, START + 1, START + 4)
    same = list(rows(Model.load(model_file), Recording("sub-07", "memory", (Segment(signals(), (trial,)),))))
    assert [row["stimulus"] for row in found] == ["", "film ü", "film ü", "film ü", "", ""]
    for row, expected in zip(found, same, strict=True):
        assert (row["person"], row["stimulus"], row["reasons"]) == ("sub-07", expected["stimulus"], "")
        assert float(row["start"]) == pytest.approx(float(str(expected["start"])), abs=1e-3)
        assert float(row["valence_high"]) == pytest.approx(float(str(expected["valence_high"])), abs=1e-5)


def test_what_cannot_be_predicted_is_said_in_one_line(model_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    twice = predict(session(tmp_path / "two.xdf", second_skin=True), model_file, out)
    assert twice.returncode == 2
    assert "expected one stream of GSR, found 'Shimmer A', 'Shimmer B'" in twice.stderr
    keys = XdfWriter()
    keys.samples(keys.stream("keys", "Markers", 0.0, format="string"), [1.0], ["a"])
    alone = predict(keys.write(tmp_path / "keys.xdf"), model_file, out)
    assert alone.returncode == 2
    assert "keys.xdf, person keys: expected EEG, GSR" in alone.stderr
    (tmp_path / "empty.xdf").touch()
    empty = predict(tmp_path / "empty.xdf", model_file, out)
    assert empty.returncode == 2
    assert empty.stderr.splitlines()[-1] == (
        f"memhacl-predict: {tmp_path}/empty.xdf: expected an XDF file, found an empty one (0 bytes); "
        "nothing was recorded"
    )
    assert not out.exists()


def test_a_data_file_says_which_markers_and_which_stream_a_session_is_predicted_from(
    model_file: Path, tmp_path: Path
) -> None:
    """The same rows as with memhacl's own markers and one stream of skin conductance."""
    folder = tmp_path / "Sitzungen é"
    session(folder / "P07_Montag.xdf", True, "Film 12 an", "Film 12 aus")
    data_file = tmp_path / "lab.yaml"
    data_file.write_text(
        """
recordings: Sitzungen é
person: '(?P<person>P\\d+)_'
streams: {GSR: Shimmer B}
markers:
  stream: PsychoPy
  start: 'Film (?P<stimulus>\\d+) an'
  end: 'Film \\d+ aus'
stimuli: {"12": film ü}
""",
        encoding="utf-8",
    )
    plain = session(tmp_path / "P07.xdf")
    for path, out in ((data_file, tmp_path / "lab.csv"), (plain, tmp_path / "plain.csv")):
        done = predict(path, model_file, out)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "lab.csv").read_text() == (tmp_path / "plain.csv").read_text()
    assert (tmp_path / "lab.csv").read_text().count("film ü") == 3
    refused = predict(folder, model_file, tmp_path / "none.csv")
    assert refused.returncode == 2
    assert "found 'Shimmer A', 'Shimmer B'; say which is meant under 'streams' of a data file" in refused.stderr
