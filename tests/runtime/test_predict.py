"""Prediction of a recording: the columns, the numbers, what is wrong with files and models."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memhacl.runtime.predict import predict_recording, rows, write_csv
from memhacl.stream.errors import DataError, StreamError
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat, Trial

EEG = StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 128.0)
GSR = StreamFormat("skin", "GSR", ("GSR",), "uS", 128.0)
SECONDS = 4


def recording(segments: int = 2) -> Recording:
    """Trials of four seconds, the first of which is rest, ten seconds apart."""
    parts = []
    for number in range(segments):
        rng, start = np.random.default_rng(number), 10.0 * number
        eeg, gsr = (rng.normal(size=(128 * SECONDS, width)).astype(np.float32) for width in (2, 1))
        trial = Trial(f"film {number}", start, start + 1, start + SECONDS, {"valence": 5.0})
        parts.append(Segment((Signal(EEG, eeg, start), Signal(GSR, gsr, start)), (trial,)))
    return Recording("p 1", "test", tuple(parts))


def test_each_window_is_a_row_with_its_stimulus(model) -> None:
    found = list(rows(model, recording()))
    assert [row["stimulus"] for row in found] == ["", *["film 0"] * 3, "", *["film 1"] * 3]
    assert [row["start"] for row in found] == [0, 1, 2, 3, 10, 11, 12, 13]
    assert [row["window"] for row in found] == list(range(8))
    assert all(row["valid"] for row in found)
    first = recording().segments[0].signals
    eeg, gsr = (signal.data[:128].astype(float) for signal in first)
    logit = (eeg[:, 0] ** 2).mean() - (gsr[:, 0] ** 2).mean()
    assert float(str(found[0]["valence_high"])) == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


def test_the_csv_says_why_a_window_has_no_prediction(model, tmp_path: Path) -> None:
    broken = recording(1)
    broken.segments[0].signals[0].data[200] = np.nan
    assert write_csv(model, iter([broken]), tmp_path / "out.csv") == 4
    with (tmp_path / "out.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["valid"] for line in lines] == ["1", "0", "1", "1"]
    assert lines[1]["reasons"] == "gap:EEG"
    assert lines[1]["valence_high"] == ""


def test_a_failure_leaves_nothing_behind(model, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("from before")
    good = recording().segments[0]
    unfit = replace(good.signals[0], format=replace(EEG, unit="degC"))
    bad = replace(recording(), segments=(Segment((unfit, good.signals[1]), ()),))
    with pytest.raises(StreamError, match="expected EEG in uV"):
        write_csv(model, iter([recording(), bad]), tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "from before"


def test_a_folder_that_is_not_there_is_said(model, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_csv(model, iter([recording()]), tmp_path / "nowhere" / "out.csv")


def test_a_recording_without_a_modality_of_the_model_is_refused(model) -> None:
    only = tuple(Segment(segment.signals[:1], segment.trials) for segment in recording().segments)
    with pytest.raises(DataError, match="found no GSR"):
        list(predict_recording(model, replace(recording(), segments=only)))
