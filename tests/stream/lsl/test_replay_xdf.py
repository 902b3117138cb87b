"""A recorded session played as the live streams that it was recorded from, over real LSL."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memhacl.stream.errors import DataError
from memhacl.stream.events import events
from memhacl.stream.lsl.inlet import MarkerEvent
from memhacl.stream.lsl.replay import Player
from memhacl.stream.lsl.selection import Piece, choose_modalities, select
from memhacl.stream.lsl.steady import steadied
from memhacl.stream.signals import ANCHOR, Recording
from memhacl.stream.sources.registry import open_source

RATE = 200.0
COUNT = 300
LABELS = ({"label": "Cz", "unit": "uV"}, {"label": "Öz", "unit": "uV"})


def stamps() -> np.ndarray:
    """Stamps of 1.5 s with jitter, some of them set back, around a gap of 0.5 s."""
    times = 700 + np.arange(COUNT) / RATE + np.random.default_rng(1).normal(0, 0.003, COUNT)
    times[COUNT // 2 :] += 0.5
    assert (np.diff(times) < 0).any()
    return times


@pytest.fixture
def session(xdf: Callable[[], Any], tmp_path: Path) -> Path:
    file = xdf()
    times = stamps()
    amp = file.stream("BrainAmp", "EEG", RATE, LABELS, source_id="amp-7")
    file.samples(amp, times.tolist(), [[n, -n] for n in range(COUNT)])
    skin = file.stream("Shimmer", "EDA", 0.0, ({"label": "skin", "unit": "uS"},))
    file.samples(skin, [700.1, 700.11, 701.3], [1.0, 2.0, 3.0])
    gaze = file.stream("Tobii", "Gaze", 50.0, count=3)
    file.samples(gaze, [700 + k / 50 for k in range(80)], [[k, k, k] for k in range(80)])
    keys = file.stream("Keyboard", "Markers", 0.0, format="string")
    trial, end = 'memhacl:trial_start {"stimulus":"film ü"}', "memhacl:trial_end"
    file.samples(keys, [699.9, 700.2, 701.0, 701.2, 701.9], ["früh", trial, end, trial, end])
    state = file.stream("state", "control", 0.0, count=2, format="string")
    file.samples(state, [700.4], [["on", "läuft"]])
    return Path(file.write(tmp_path / "meine Sitzung é.xdf"))


@contextmanager
def playing(recording: Recording, pieces: tuple[Piece, ...]) -> Iterator[Player]:
    player = Player(recording, pieces)
    thread = threading.Thread(target=lambda: (player.wait(20.0), list(player.play())))
    thread.start()
    try:
        yield player
    finally:
        player.stop()
        thread.join()
        player.close()


def opened(path: Path) -> Recording:
    source = open_source(str(path))
    return source.open(source.people[0])


def test_every_stream_of_a_session_goes_out_as_it_came_in(session: Path, listen: Callable[..., Any]) -> None:
    recording = opened(session)
    pieces = select(recording, choose_modalities(recording, None))
    with playing(recording, pieces) as player:
        readers = {
            "EEG": listen("EEG", "BrainAmp"),
            "GSR": listen("GSR", "Shimmer"),
            "Gaze": listen("Gaze", "Tobii"),
            "control": listen("Markers", "Keyboard"),
        }
        found = readers["EEG"].reader.wait_open(10.0).format
        assert (found.name, found.rate, found.channels, found.unit) == ("BrainAmp", RATE, ("Cz", "Öz"), "uV")
        assert readers["GSR"].reader.wait_open(10.0).format.rate == 0.0
        assert player.pieces[0].streams.keys() == {"BrainAmp", "Shimmer", "Tobii", "Keyboard", "state"}
        received = {name: readers[name].samples(count) for name, count in (("EEG", 300), ("GSR", 3), ("Gaze", 80))}
        marks = readers["control"].until(lambda seen: sum(isinstance(e, MarkerEvent) for e in seen) == 6)
    texts = [event for event in marks if isinstance(event, MarkerEvent)]
    assert [text.text.split(" ")[0] for text in texts] == [
        "früh", ANCHOR, *["memhacl:trial_start", "memhacl:trial_end"] * 2,
    ]  # fmt: skip
    base = texts[0].time - 699.9
    times = [text.time - base for text in texts]
    anchor = recording.segments[0].start
    np.testing.assert_allclose(times, [699.9, anchor, 700.2, 701.0, 701.2, 701.9], atol=1e-6)
    for name, recorded in zip(("EEG", "GSR", "Gaze"), recording.segments[0].signals, strict=True):
        arrived = np.concatenate([chunk.stamps for chunk in received[name]]) - base
        np.testing.assert_allclose(arrived, recorded.stamps, atol=1e-6)  # jitter, set-back stamps and gap
        np.testing.assert_array_equal(np.concatenate([c.samples for c in received[name]]), recorded.data)
        # nothing is stamped into the future
        assert min(chunk.arrived - chunk.stamps.max() for chunk in received[name]) >= 0


def test_markers_that_a_data_file_makes_trials_of_go_out_beside_the_recorded_ones(
    session: Path, listen: Callable[..., Any]
) -> None:
    rules = "{start: '(?P<stimulus>früh)', seconds: 1, rest_seconds: 0.1}"
    path = session.with_name("lab.yaml")
    path.write_text(f"recordings: {session.name}\nmarkers: {rules}\n", encoding="utf-8")
    recording = opened(path)
    with playing(recording, select(recording, choose_modalities(recording, None))):
        readers = [listen("Markers", "Keyboard"), listen("EEG", "BrainAmp")]
        marks = readers[0].until(lambda seen: sum(isinstance(e, MarkerEvent) for e in seen) == 8)
    texts = [event for event in marks if isinstance(event, MarkerEvent)]
    base = texts[0].time - recording.segments[0].span[0]
    sent = sorted((round(text.time - base, 6), text.text.split(" ")[0]) for text in texts)
    expected = sorted(
        (round(mark.time, 6), mark.text.split(" ")[0]) for mark in events("p", recording.segments[0])
    )
    assert len(expected) == 8
    assert sent == expected


def test_regular_timing_takes_the_jitter_and_leaves_the_gap(session: Path) -> None:
    recording = opened(session)
    (segment,) = recording.segments
    steady = steadied(segment)
    before, after = segment.signals[0].stamps, steady.signals[0].stamps
    steps = np.diff(after)
    assert len(after) == COUNT
    assert steps.argmax() == COUNT // 2 - 1
    assert steps.max() == pytest.approx(0.505, abs=0.005)
    assert np.delete(steps, steps.argmax()).std() < 0.1 * np.delete(np.diff(before), COUNT // 2 - 1).std()
    np.testing.assert_allclose(after, before, atol=0.012)
    for one, two in zip(segment.signals[1:], steady.signals[1:], strict=True):
        np.testing.assert_allclose(two.stamps, one.stamps, atol=1e-3)
    assert steady.texts == segment.texts


def test_trials_of_a_session_are_cut_out_with_their_texts(session: Path) -> None:
    recording = opened(session)
    (piece,) = select(recording, ("EEG",), frozenset({1}))
    assert piece.segment.span[0] >= 700.2
    (eeg,) = piece.segment.signals
    recorded = stamps()
    np.testing.assert_array_equal(eeg.stamps, recorded[(recorded >= 700.2) & (recorded < 701.0)])
    assert eeg.start == eeg.stamps[0]
    assert [text.times.tolist() for text in piece.segment.texts] == [[700.2, 701.0], [700.4]]


def test_streams_of_one_name_are_played_side_by_side(xdf: Callable[[], Any], tmp_path: Path) -> None:
    file = xdf()
    for start in (3.0, 4.0):
        file.samples(file.stream("Shimmer", "GSR", 10.0), [start, None], [start, start])
    recording = opened(file.write(tmp_path / "two.xdf"))
    (piece,) = select(recording, choose_modalities(recording, None))
    assert {name: stream.start for name, stream in piece.streams.items()} == {"Shimmer": 3.0, "Shimmer (2)": 4.0}


def test_a_stream_that_changes_between_two_files_is_refused(session: Path) -> None:
    recording = opened(session)
    (segment,) = recording.segments
    eeg = segment.signals[0]
    other = replace(segment, signals=(replace(eeg, format=replace(eeg.format, rate=500.0)),))
    pieces = (Piece(segment, ()), Piece(other, ()))
    with pytest.raises(DataError, match=r"stream 'BrainAmp': expected 2 channels at 200 Hz.*2 at 500 Hz"):
        Player(recording, pieces)


def test_the_command_plays_a_file_with_markers_alone(
    xdf: Callable[[], Any], tmp_path: Path, listen: Callable[..., Any]
) -> None:
    file = xdf()
    keys = file.stream("Keyboard", "Markers", 0.0, format="string")
    file.samples(keys, [k / 10 for k in range(600)], [f"key {k}" for k in range(600)])
    path = file.write(tmp_path / "nur Marker.xdf")
    command = [sys.executable, "-m", "memhacl.stream.lsl.replay_cli", str(path), "--timing", "regular"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            marks = listen("Markers", "Keyboard")
            events = marks.until(lambda seen: sum(isinstance(e, MarkerEvent) for e in seen) >= 4, 60.0)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=10)
        finally:
            process.kill()
    texts = [event.text for event in events if isinstance(event, MarkerEvent)]
    assert texts[:4] == [ANCHOR, "key 0", "key 1", "key 2"]
    assert process.returncode == 130
    assert "Traceback" not in said
