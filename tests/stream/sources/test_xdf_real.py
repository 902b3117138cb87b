"""The public XDF example files: a real session in which a machine's clock was reset, and odd ones."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memhacl.stream.path.dejitter import Dejitter
from memhacl.stream.path.offline import feed
from memhacl.stream.path.path import SignalPath
from memhacl.stream.signals import Recording, Segment, Signal
from memhacl.stream.sources.registry import open_source
from memhacl.stream.spec import ModalitySpec, SignalSpec

ROOT = Path(__file__).parents[3]
REAL = Path(os.environ.get("MEMHACL_REAL_DATA", ROOT.parent / "shared" / "data")) / "xdf_example_files"

pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"no real recordings: MEMHACL_REAL_DATA has no xdf_example_files ({REAL})"
)


def opened(name: str) -> Recording:
    source = open_source(str(REAL / f"{name}.xdf"))
    return source.open(name)


@pytest.fixture(scope="module")
def reset() -> tuple[Signal, list[tuple[int, int]], Any]:
    """The reset session's EEG, and the clock segments (first and last sample of each) that pyxdf finds in it."""
    import pyxdf

    (found,) = (
        stream
        for stream in pyxdf.load_xdf(REAL / "clock_resets.xdf", dejitter_timestamps=False, verbose=False)[0]
        if stream["info"]["type"] == ["EEG"]
    )
    recording = opened("clock_resets")
    return recording.segments[0].signals[0], found["info"]["clock_segments"], recording


def test_the_reset_session_has_its_two_parts_on_one_clock(reset: Any) -> None:
    signal, segments, recording = reset
    assert segments == [(0, 12875), (12876, 27814)]
    assert len(signal.stamps) == 27815
    steps = np.diff(signal.stamps)
    assert (steps > 0).all()
    assert np.flatnonzero(steps > 1.0).tolist() == [12875]
    assert steps[12875] == pytest.approx(273.556, abs=1e-3)
    (texts,) = recording.segments[0].texts
    assert (len(texts.rows), texts.rows[0], texts.rows[-1]) == (175, ("XXX",), ("XXX",))
    assert texts.start == pytest.approx(812.928, abs=1e-3)
    assert texts.end == pytest.approx(1380.819, abs=1e-3)


def test_our_own_dejitter_finds_the_clock_segments_that_pyxdf_finds(reset: Any) -> None:
    signal, segments, _ = reset
    clock = Dejitter(signal.format.rate)
    pieces = [*clock.push(signal.stamps), *clock.flush()]
    times = np.concatenate([piece.times for piece in pieces])
    assert len(times) == len(signal.stamps)
    firsts = np.cumsum([0, *(len(piece.times) for piece in pieces)])
    begun = {int(first) for first, piece in zip(firsts, pieces, strict=False) if not piece.continues}
    assert {first for first, _ in segments} <= begun
    # pieces that begin anew elsewhere follow the sender's pauses, of some ten milliseconds
    breaks = np.flatnonzero(np.diff(times) > 1.0) + 1
    assert breaks.tolist() == [first for first, _ in segments[1:]]
    np.testing.assert_allclose(times, signal.stamps, atol=0.05)


def test_no_window_over_the_reset_is_valid_and_those_within_it_are_missing(reset: Any) -> None:
    signal, ((_, last), (first, _)), _ = reset
    # the payload is noise between 0 and 1
    labelled = replace(signal, data=50 * signal.data, format=replace(signal.format, unit="uV"))
    eeg = ModalitySpec(modality="EEG", channels=signal.format.channels, unit="uV", baseline="none")
    path = SignalPath(SignalSpec(modalities=(eeg,), rate=64.0), anchor="marker")
    windows = list(feed(path, "p", Segment((labelled,), ())))
    stopped, went_on = signal.stamps[last], signal.stamps[first]
    slack = 0.1  # s that the sender's stamps stray from steady time
    over = [w for w in windows if w.end > stopped + slack and w.start < went_on - slack]
    within = [w for w in over if w.start > stopped + slack and w.end < went_on - slack]
    assert len(within) >= 271  # of the 273.6 s
    assert all("missing:EEG" in window.reasons for window in within)
    assert not any(window.valid for window in over)
    for side in ([w for w in windows if w.end < stopped], [w for w in windows if w.start > went_on]):
        assert sum(w.valid for w in side) > 0.9 * len(side) > 100  # its pace wanders, and it pauses now and then


def test_odd_files_are_read_as_far_as_they_hold_something() -> None:
    recording = opened("empty_streams")
    (segment,) = recording.segments
    assert [s.format.name for s in segment.signals] == ["Data stream: test stream 0 counter"]
    assert segment.signals[0].data[:, 0].tolist() == list(range(10))
    assert [t.rows for t in segment.texts] == [(('{"state": 2}',),)]
    assert "\n".join(recording.notes).count("it holds no samples") == 2
    (segment,) = opened("minimal").segments
    np.testing.assert_allclose(segment.signals[0].stamps, 5.0 + np.arange(9) / 10)  # 0.1 s set back by its clock
    assert segment.signals[0].data[0].tolist() == [192, 255, 238]
    assert [text for (text,) in segment.texts[0].rows[1:]] == ["Hello", "World", "from", "LSL"] * 2
