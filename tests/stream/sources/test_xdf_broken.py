"""XDF files that are cut off, damaged or none: one line that says so, or what is left of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording
from memhacl.stream.sources.registry import open_source

Xdf = Callable[[], Any]
SAMPLES = 120


def session(xdf: Xdf) -> Any:
    """A session of numbers and texts in chunks of 20 samples, with boundaries between them."""
    file = xdf()
    eeg = file.stream("amp", "EEG", 100.0, count=2)
    keys = file.stream("keys", "Markers", 0.0, format="string")
    for first in range(0, SAMPLES, 20):
        numbers = range(first, first + 20)
        file.samples(eeg, [50 + n / 100 for n in numbers], [[n, -n] for n in numbers])
        file.samples(keys, [50 + first / 100], [f"mark {first}"])
        file.boundary()
    file.footer(eeg)
    file.footer(keys)
    return file


def opened(path: Path) -> Recording:
    source = open_source(str(path))
    return source.open(source.people[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("xdf")


def check_rest(path: Path) -> None:
    """Read what is left: samples as they were written, or a DataError of one line that names the file."""
    try:
        recording = opened(path)
    except DataError as problem:
        said = str(problem)
    else:
        check_recording(recording)
        return
    assert str(path) in said
    assert "\n" not in said


def check_recording(recording: Recording) -> None:
    for signal in recording.segments[0].signals:
        np.testing.assert_array_equal(signal.data[:, 0], -signal.data[:, 1])
        np.testing.assert_allclose(signal.stamps, 50 + signal.data[:, 0] / 100)
    for texts in recording.segments[0].texts:
        assert [text for (text,) in texts.rows] == [f"mark {round(100 * (t - 50))}" for t in texts.times]


@given(share=st.floats(0, 1))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_off_anywhere_gives_what_it_holds_or_says_why_not(xdf: Xdf, folder: Path, share: float) -> None:
    content = session(xdf).content
    path = folder / "cut.xdf"
    path.write_bytes(content[: round(share * len(content))])
    check_rest(path)


def test_only_the_last_chunk_of_a_file_cut_off_is_lost(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    eeg = file.stream("amp", "EEG", 100.0)
    file.samples(eeg, [50 + n / 100 for n in range(100)], list(range(100)), size=20)
    path = tmp_path / "cut.xdf"
    path.write_bytes(file.content[:-7])
    recording = opened(path)
    (signal,) = recording.segments[0].signals
    assert signal.data[:, 0].tolist() == list(range(80))
    assert "cut.xdf: ends within a chunk" in "\n".join(recording.notes)


def test_damage_in_the_middle_costs_what_lies_up_to_the_next_boundary(xdf: Xdf, tmp_path: Path) -> None:
    file = session(xdf)
    place = next(n for n, chunk in enumerate(file.chunks) if b"mark 40" in chunk)
    file.chunks[place] = b"\x77" * len(file.chunks[place])
    recording = opened(file.write(tmp_path / "hurt.xdf"))
    (signal,), (texts,) = recording.segments[0].signals, recording.segments[0].texts
    assert len(signal.data) == SAMPLES
    assert [text for (text,) in texts.rows] == [f"mark {n}" for n in (0, 20, 60, 80, 100)]
    assert "hurt.xdf: damaged at byte" in "\n".join(recording.notes)


def test_samples_of_a_stream_whose_header_is_lost_are_left_out(xdf: Xdf, tmp_path: Path) -> None:
    file = session(xdf)
    del file.chunks[1]
    recording = opened(file.write(tmp_path / "headless.xdf"))
    assert recording.segments[0].signals == ()
    assert len(recording.segments[0].texts[0].rows) == 6
    assert "chunks are left out: their stream's header is lost" in "\n".join(recording.notes)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "found an empty one"),
        (b"XDF:", "found none; were any chosen in LabRecorder"),
        (b"RIFF????", "begins with 'XDF:', found b'RIFF'"),
        (b"XDF:\x01\x30\x02\x00\x01\x00\x00\x00<info><name>x", "expected recorded streams, found none"),
        (b"XDF:\x01\x14\x02\x00\x01\x00\x00\x00<info></other>", "found one that is malformed"),
        (b"XDF:\x01\x13\x02\x00\x01\x00\x00\x00<info></info>", "found one that is malformed"),
    ],
)
def test_what_is_no_session_is_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "näh me.xdf"
    path.write_bytes(content)
    with pytest.raises(DataError) as problem:
        opened(path)
    assert str(problem.value).startswith(f"{path}: expected ")
    assert reason in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_session_without_any_sample_is_refused(xdf: Xdf, tmp_path: Path) -> None:
    file = xdf()
    file.stream("idle", "EEG", 100.0)
    with pytest.raises(DataError, match="expected recorded samples, found none in any stream"):
        opened(file.write(tmp_path / "idle.xdf"))
