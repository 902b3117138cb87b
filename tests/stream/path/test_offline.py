"""A recording pushed into a path: every sample once, in the order of time, with the stamp that it has."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.path.offline import feed, recording_windows
from memhacl.stream.path.path import SignalPath
from memhacl.stream.signals import ANCHOR, MARKERS, Marker, Origin, Segment, Signal, StreamFormat, Texts
from memhacl.stream.sources.simulated.people import People
from memhacl.stream.sources.simulated.source import SimulatedSource
from memhacl.stream.spec import ModalitySpec, SignalSpec


class Kept:
    """A sink that keeps what it is given."""

    modalities = ("EEG", "GSR")

    def __init__(self) -> None:
        self.samples: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
        self.stamps: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
        self.marks: list[Marker] = []
        self.steps = 0
        self.seen = -np.inf

    def open(self, found: StreamFormat) -> tuple[str, ...]:
        return ()

    def push(self, modality: str, samples: NDArray[np.float32], stamps: NDArray[np.float64], now: float) -> None:
        assert (stamps < now).all()
        self.samples[modality].append(samples)
        self.stamps[modality].append(stamps)

    def mark(self, marker: Marker) -> None:
        self.marks.append(marker)

    def advance(self, now: float) -> Sequence[int]:
        self.steps += 1
        return ()

    def finish(self) -> Sequence[int]:
        return [1]


def signal(modality: str, rate: float, times: NDArray[np.float64] | None, count: int, start: float) -> Signal:
    data = np.arange(count, dtype=np.float32)[:, None]
    return Signal(StreamFormat(f"my {modality}", modality, ("a",), "uV", rate), data, start, times)


@given(
    steps=st.lists(st.floats(-0.05, 4.0), min_size=1, max_size=80),
    regular=st.integers(1, 400),
    start=st.floats(-20, 20),
)
@settings(max_examples=60, deadline=None)
def test_every_sample_comes_once_with_its_stamp(steps: list[float], regular: int, start: float) -> None:
    times = 7.0 + np.cumsum(steps)
    first, second = (
        signal("EEG", 0.0, times, len(times), float(times[0])),
        signal("GSR", 10.0, None, regular, start),
    )
    other = signal("Gaze", 5.0, None, 10, 8.0)
    sink = Kept()
    assert list(feed(sink, "p", Segment((first, other, second), ()))) == [1]
    for one in (first, second):
        np.testing.assert_array_equal(np.concatenate(sink.samples[one.format.modality]), one.data)
        np.testing.assert_array_equal(np.concatenate(sink.stamps[one.format.modality]), one.stamps)
    assert set(sink.samples) == {"EEG", "GSR"}


def test_a_pause_of_years_takes_no_steps() -> None:
    times = np.array([0.0, 1.0, 1.7e9, 1.7e9 + 1])
    sink = Kept()
    list(feed(sink, "p", Segment((signal("EEG", 0.0, times, 4, 0.0),), ())))
    assert sink.steps == 2


def test_recorded_markers_come_as_they_were_and_before_their_samples() -> None:
    rows = (("first", ""), ("", "second"))
    texts = Texts(
        StreamFormat("keys", MARKERS, ("a", "b"), "", 0.0), rows, np.array([4.0, 5.5]), Origin("Markers")
    )
    status = Texts(StreamFormat("status", "control", ("a",), "", 0.0), (("on",),), np.array([5.0]), Origin("x"))
    numbers = signal(MARKERS, 0.0, np.array([6.0, 6.5]), 2, 6.0)
    sink = Kept()
    list(feed(sink, "p", Segment((signal("EEG", 10.0, None, 100, 5.0), numbers), (), (texts, status))))
    assert [(mark.time, mark.text) for mark in sink.marks] == [
        (4.0, "first"),
        (5.0, ANCHOR),
        (5.5, "second"),
        (6.0, "0"),
        (6.5, "1"),
    ]


def test_two_streams_of_one_modality_are_not_guessed_between() -> None:
    doubled = Segment((signal("GSR", 10.0, None, 10, 0.0), signal("GSR", 4.0, None, 10, 0.0)), ())
    with pytest.raises(DataError, match="person p: expected one stream of GSR, found 'my GSR', 'my GSR'"):
        list(feed(Kept(), "p", doubled))


def test_jittered_stamps_give_the_windows_of_the_steady_signal() -> None:
    spec = SignalSpec(modalities=(ModalitySpec(modality="EEG", channels=("a",), unit="uV", baseline="none"),))
    random = np.random.default_rng(5)
    steady = 40 + np.arange(250 * 30) / 250
    wave = np.sin(2 * np.pi * 3 * steady)[:, None].astype(np.float32)
    form = StreamFormat("amp", "EEG", ("a",), "uV", 250.0)
    jitter = steady + random.normal(0, 0.003, len(steady))
    jitter[0] = steady[0]
    windows = [
        list(feed(SignalPath(spec, anchor="marker"), "p", Segment((Signal(form, wave, 40.0, times),), ())))
        for times in (None, jitter)
    ]
    pairs = [(one, two) for one, two in zip(*windows, strict=True) if one.start > 50 and one.valid]
    assert len(pairs) > 15
    for one, two in pairs:
        assert two.valid
        np.testing.assert_allclose(two.data, one.data, atol=0.06)  # of a 3-Hz wave of amplitude 1: 3 ms


def test_windows_that_are_not_assessed_are_the_same_windows() -> None:
    recording = SimulatedSource(People(subjects=1, stimuli=2, rest=3, seconds=4, layout="raw")).open("s01")
    spec = SignalSpec(
        modalities=(
            ModalitySpec(modality="EEG", channels=("Fz", "O1"), unit="uV"),
            ModalitySpec(modality="Temp", channels=("Temp",), unit="degC"),
        )
    )
    assessed, bare = (
        list(recording_windows(recording, spec)),
        list(recording_windows(recording, spec, assessed=False)),
    )
    assert len(assessed) == len(bare) > 8
    for (_, one), (_, other) in zip(assessed, bare, strict=True):
        np.testing.assert_array_equal(one.data, other.data)
        assert (one.start, one.end, one.reasons) == (other.start, other.end, other.reasons)
        assert one.quality["EEG"]
        assert not other.quality["EEG"]
