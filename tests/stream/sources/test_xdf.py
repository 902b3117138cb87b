"""XDF files: what a recorder wrote is what a recording holds."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memhacl.stream.errors import DataError
from memhacl.stream.events import events
from memhacl.stream.signals import ANCHOR, Origin, Recording, Signal, StreamFormat
from memhacl.stream.sources.registry import open_source

Xdf = Callable[[], Any]
NUMBERS = np.random.default_rng(3)
EEG = ({"label": "Cz", "unit": "microvolts", "type": "EEG"}, {"label": "Öz", "unit": "µV", "type": "EEG"})


def opened(path: Path) -> Recording:
    source = open_source(str(path))
    return source.open(source.people[0])


def jittered(count: int, rate: float, start: float) -> np.ndarray:
    """Stamps with jitter, some of them set back, and a gap in the middle."""
    times = start + np.arange(count) / rate + NUMBERS.normal(0, 0.6 / rate, count)
    times[count // 2 :] += 1.7
    assert (np.diff(times) < 0).any()
    return times


def test_every_stream_comes_with_its_own_stamps_names_and_units(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    times, values = jittered(400, 200.0, 5000.0), NUMBERS.normal(size=(400, 2)).astype(np.float32)
    done = "<memhacl><already_done>bandpass, notch</already_done></memhacl>"
    eeg = file.stream("Verstärker 1", "eeg", 200.0, EEG, source_id="amp-7", desc=done)
    skin = file.stream("Shimmer", "EDA", 0.0, ({"label": "skin", "unit": "uS"},))
    gaze = file.stream("eye <tracker>", "Gaze", 60.0, count=2, format="double64")
    events_ = file.stream("PsychoPy", "Markers", 0.0, format="string")
    file.samples(eeg, times.tolist(), values.tolist())
    file.samples(skin, [5000.0, 5000.3, 5001.9], [1.5, 1.25, 3.0])
    file.samples(gaze, [5000.5, None, None], [[1, 2], [3, 4], [5, 1e300]])
    file.samples(events_, [5000.25, 5001.0], ["Frage 1: müde?", "答え"])
    recording = opened(file.write(tmp_path / "mit Leerzeichen é" / "Sitzung ü 1.xdf"))

    assert (recording.person, recording.source, recording.simulated) == ("Sitzung ü 1", "Sitzung ü 1.xdf", False)
    (segment,) = recording.segments
    one, two, three = segment.signals
    assert one.format == StreamFormat(
        "Verstärker 1", "EEG", ("Cz", "Öz"), "uV", 200.0, ("bandpass", "notch"), (), ("EEG", "EEG")
    )
    assert one.origin == Origin("eeg", "amp-7")
    np.testing.assert_array_equal(one.stamps, times)
    np.testing.assert_array_equal(one.data, values)
    assert two.format == StreamFormat("Shimmer", "GSR", ("skin",), "uS", 0.0)
    assert two.stamps.tolist() == [5000.0, 5000.3, 5001.9]
    assert (three.format.name, three.format.modality, three.format.rate) == ("eye <tracker>", "Gaze", 60.0)
    np.testing.assert_allclose(three.stamps, 5000.5 + np.arange(3) / 60)
    assert three.data[1].tolist() == [3, 4]
    assert np.isposinf(three.data[2, 1])
    (texts,) = segment.texts
    assert texts.rows == (("Frage 1: müde?",), ("答え",))
    assert texts.times.tolist() == [5000.25, 5001.0]
    assert segment.span == (min(one.start, 5000.0), one.end)


@pytest.mark.parametrize("format", ["float32", "double64", "int8", "int16", "int32", "int64"])
def test_all_formats_of_numbers_are_read(xdf: Xdf, tmp_path: Path, format: str) -> None:
    file = xdf()
    number = file.stream("x", "EEG", 10.0, count=3, format=format)
    file.samples(number, [1.0, None], [[1, -2, 3], [4, 5, -127]])
    (signal,) = opened(file.write(tmp_path / "x.xdf")).segments[0].signals
    assert signal.data.dtype == np.float32
    assert signal.data.tolist() == [[1, -2, 3], [4, 5, -127]]


def test_streams_of_several_machines_come_on_one_clock(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    true = 100.0 + np.arange(600) / 10
    ahead, drift = 5000.0, 80e-6
    for name, offset, rate in (("here", 0.0, 0.0), ("there", ahead, drift)):
        number = file.stream(name, "GSR", 10.0)
        own = (true + offset) * (1 + rate)
        file.samples(number, own.tolist(), true.tolist())
        for index in range(0, 600, 50):
            file.offset(number, own[index], true[index] - own[index])
    here, there = opened(file.write(tmp_path / "two.xdf")).segments[0].signals
    np.testing.assert_allclose(here.stamps, true, atol=1e-6)
    np.testing.assert_allclose(there.stamps, true, atol=1e-5)


def test_markers_stamped_in_unix_time_are_left_out_and_said(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    for name, kind, form, start in (("amp", "EEG", "float32", 900.0), ("stim", "Markers", "string", 1.7e9)):
        number = file.stream(name, kind, 0.0, format=form)
        file.samples(number, [start, start + 1], ["1", "2"])
    recording = opened(file.write(tmp_path / "mixed.xdf"))
    (segment,) = recording.segments
    assert [signal.format.name for signal in segment.signals] == ["amp"]
    assert segment.texts == ()
    assert "mixed.xdf: stream 'stim' (Markers) is left out: its stamps lie 1699999099 s after" in "\n".join(
        recording.notes
    )


def test_a_sample_of_another_clock_does_not_stretch_the_recording(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    number = file.stream("amp", "EEG", 100.0)
    times = [100 + k / 100 for k in range(300)]
    times[150] = 1.7e9
    times[200] = float("nan")
    file.samples(number, times, list(range(300)))
    recording = opened(file.write(tmp_path / "spike.xdf"))
    (signal,) = recording.segments[0].signals
    assert len(signal.data) == 298
    assert signal.end == pytest.approx(103.0)
    assert "2 of 300 samples are left out" in "\n".join(recording.notes)


def test_a_rate_that_is_plainly_another_is_measured_and_lost_samples_are_none(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    times = np.arange(3000) / 93.0
    lossy = np.delete(np.arange(3000) / 100.0, np.arange(5, 3000, 10))  # every tenth sample is lost
    packets = np.repeat(np.arange(0, 3000, 10) / 100.0, 10)
    for name, stamps in (("slow", times), ("lossy", lossy), ("packets", packets)):
        number = file.stream(name, "EEG", 100.0)
        file.samples(number, (50 + stamps).tolist(), [0.0] * len(stamps))
    recording = opened(file.write(tmp_path / "r.xdf"))
    rates = {s.format.name: s.format.rate for s in recording.segments[0].signals}
    assert rates == {"slow": 93.0, "lossy": 100.0, "packets": 100.0}
    assert "stream 'slow' says 100 Hz, but its stamps come at 93 Hz: that rate is used" in "\n".join(
        recording.notes
    )


def test_trials_are_those_of_our_own_markers(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    number = file.stream("memhacl-markers", "Markers", 0.0, format="string")
    texts = [
        (10.0, ANCHOR),
        (10.0, "memhacl:rest_start"),
        (13.0, "memhacl:rest_end"),
        (13.0, 'memhacl:trial_start {"stimulus":"film ü","ratings":{"valence":7.5,"odd":"x"}}'),
        (14.0, "a laboratory's own"),
        (20.0, "memhacl:trial_end"),
        (25.0, 'memhacl:trial_start {"stimulus":"b"}'),
        (30.0, "memhacl:trial_end"),
        (35.0, 'memhacl:trial_start {"stimulus":"broken off"}'),
    ]
    file.samples(number, [time for time, _ in texts], [text for _, text in texts])
    eeg = file.stream("amp", "EEG", 10.0)
    file.samples(eeg, [9.5 + k / 10 for k in range(300)], [0.0] * 300)
    recording = opened(file.write(tmp_path / "t.xdf"))
    (segment,) = recording.segments
    first, second = segment.trials
    assert (first.stimulus, first.rest, first.onset, first.end) == ("film ü", 10.0, 13.0, 20.0)
    assert first.ratings == {"valence": 7.5}
    assert (second.stimulus, second.rest, second.onset, second.end) == ("b", 25.0, 25.0, 30.0)
    assert "t.xdf: trials without an end are left out: 'broken off' at 35.000 s" in "\n".join(recording.notes)
    seen = [(marker.time, marker.text) for marker in events("t", segment)]
    assert seen == [(9.5, ANCHOR), *texts]  # as they were recorded, and none twice


def test_empty_streams_are_left_out_and_markers_alone_are_a_recording(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    file.stream("idle", "EEG", 100.0, count=4)
    file.stream("mute", "Markers", 0.0, format="string")
    keys = file.stream("Keyboard", "Markers", 0.0, format="string")
    file.samples(keys, [7.0, 8.0], ["a down", "a up"])
    recording = opened(file.write(tmp_path / "m.xdf"))
    assert recording.segments[0].signals == ()
    assert recording.segments[0].span == (7.0, 8.0)
    assert "m.xdf: stream 'idle' (EEG) is left out: it holds no samples" in "\n".join(recording.notes)
    assert "m.xdf: stream 'mute' (Markers) is left out" in "\n".join(recording.notes)


def test_a_folder_holds_a_person_a_file_and_the_runs_of_a_subject(xdf: Xdf, tmp_path: Path) -> None:
    names = [
        "sub-01/ses-1/sub-01_ses-1_run-001_eeg.xdf",
        "sub-01/ses-1/sub-01_ses-1_run-002_eeg.xdf",
        "sub-01/ses-1/sub-01_ses-1_run-002_eeg_old1.xdf",  # LabRecorder's name for what was replaced
        "anna.xdf",
        "Montag/test.xdf",
        "Dienstag/test.xdf",
    ]
    for place, name in enumerate(names):
        file = xdf()
        file.samples(file.stream("amp", "EEG", 10.0), [10.0 * place, None], [place, place])
        file.write(tmp_path / name)
    (tmp_path / "notes.txt").write_text("none of ours")
    source = open_source(str(tmp_path))
    assert set(source.people) == {"sub-01", "anna", "Montag/test", "Dienstag/test"}
    assert [segment.start for segment in source.open("sub-01").segments] == [0.0, 10.0]
    assert source.open("anna").segments[0].signals[0].data[0, 0] == 3
    assert source.fingerprint() == open_source(str(tmp_path)).fingerprint()
    with pytest.raises(DataError, match="expected a person of"):
        source.open("otto")


def test_a_compressed_file_is_read(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    file.samples(file.stream("amp", "EEG", 10.0), [1.0], [2.0])
    path = tmp_path / "a.xdfz"
    path.write_bytes(gzip.compress(file.content))
    assert opened(path).segments[0].signals[0].data.tolist() == [[2.0]]


def test_without_pyxdf_the_extra_is_named(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    file.samples(file.stream("amp", "EEG", 10.0), [1.0], [2.0])
    path = file.write(tmp_path / "a.xdf")
    code = (
        "import sys; sys.modules['pyxdf'] = None; from memhacl.stream.sources.registry import open_source\n"
        "try: open_source(sys.argv[1]).open('a')\nexcept Exception as e: print(type(e).__name__, e)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"DataError {path}: ")
    assert "pip install 'memhacl[data]'" in done.stdout


def test_signals_of_a_simulated_source_stay_marked_as_such(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    number = file.stream("memhacl-EEG", "EEG", 10.0, desc="<memhacl><simulated>true</simulated></memhacl>")
    file.samples(number, [1.0], [2.0])
    recording = opened(file.write(tmp_path / "a.xdf"))
    assert recording.simulated
    assert isinstance(recording.segments[0].signals[0], Signal)
