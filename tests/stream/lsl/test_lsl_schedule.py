"""What a replay would send, computed without sending it."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memhacl.stream.errors import ConfigError
from memhacl.stream.lsl.schedule import (
    MarkerPush,
    SamplePush,
    check_gap,
    check_speed,
    layout,
    pushes,
)
from memhacl.stream.lsl.selection import Piece
from memhacl.stream.signals import Segment, Signal, StreamFormat, Trial


def piece(start: float, seconds: float, rates: dict[str, float], *trials: Trial, number: int = 1) -> Piece:
    signals = tuple(
        Signal(
            StreamFormat(name, name, ("a",), "uV", rate),
            np.arange(round(seconds * rate), dtype=np.float32)[:, None],
            start + shift,
        )
        for shift, (name, rate) in zip((0.0, 0.013, 0.2, 0.4), rates.items(), strict=False)
    )
    return Piece(Segment(signals, trials), tuple(range(number, number + len(trials))))


@given(
    speed=st.floats(0.1, 1.0),
    rates=st.dictionaries(st.sampled_from(["EEG", "GSR", "Temp"]), st.floats(1.0, 1000.0), min_size=1),
    seconds=st.floats(2.0, 4.0),
)
@settings(max_examples=40, deadline=None)
def test_every_sample_is_sent_once_at_its_time_and_never_before_it(
    speed: float, rates: dict[str, float], seconds: float
) -> None:
    played = piece(100.0, seconds, rates)
    sent = [push for push in pushes(played, 7.0, speed, "p") if isinstance(push, SamplePush)]
    assert [push.due for push in sent] == sorted(push.due for push in sent)
    for signal in played.segment.signals:
        own = [push for push in sent if push.stream == signal.format.modality]
        np.testing.assert_array_equal(np.concatenate([push.samples for push in own]), signal.data)
        stamps = np.concatenate([push.stamps for push in own])
        np.testing.assert_allclose(stamps, 7.0 + (signal.stamps - 100.0) / speed, atol=1e-9)
        for push in own:
            assert push.due == push.stamps[-1]
            assert len(push.stamps) == 1 or push.stamps[-1] - push.stamps[0] < 0.06


def test_markers_carry_the_trials_facts_at_their_times() -> None:
    trials = (
        Trial("video 3", 10.0, 11.0, 13.0, {"valence": 7.5, "arousal": 2.0}),
        Trial("video 5", 14.0, 14.0, 15.0),
    )
    sent = list(pushes(piece(10.0, 6.0, {"EEG": 128.0}, *trials, number=4), 2.0, 0.5, "s01"))
    markers = [push for push in sent if isinstance(push, MarkerPush)]
    assert [(push.due, push.text.split(" ")[0]) for push in markers] == [
        (2.0, "memhacl:anchor"),
        (2.0, "memhacl:rest_start"),
        (4.0, "memhacl:rest_end"),
        (4.0, "memhacl:trial_start"),
        (8.0, "memhacl:trial_end"),
        (10.0, "memhacl:trial_start"),  # no rest: no rest markers
        (12.0, "memhacl:trial_end"),
    ]
    facts = json.loads(markers[3].text.removeprefix("memhacl:trial_start "))
    assert facts == {
        "person": "s01",
        "stimulus": "video 3",
        "trial": 4,
        "ratings": {"valence": 7.5, "arousal": 2.0},
    }
    assert sent[0] is markers[0]  # the anchor goes out before the sample that it anchors


def test_gaps_are_as_recorded_as_asked_for_and_never_too_short_to_be_one() -> None:
    pieces = [piece(0.0, 2.0, {"EEG": 100.0}), piece(5.0, 2.0, {"EEG": 100.0}), piece(7.1, 2.0, {"EEG": 100.0})]
    assert layout(pieces, 1.0, None) == pytest.approx([0.0, 5.0, 8.0])
    assert layout(pieces, 0.5, None) == pytest.approx([0.0, 10.0, 15.0])
    assert layout(pieces, 0.5, 1.5) == pytest.approx([0.0, 5.5, 11.0])


@pytest.mark.parametrize("speed", [0.0, -1.0, 1.01, float("nan"), float("inf")])
def test_speeds_that_lsl_cannot_play_are_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="--speed"):
        check_speed(speed)


@pytest.mark.parametrize("gap", [0.0, 0.99, -1.0, float("nan"), float("inf")])
def test_gaps_that_would_join_trials_are_refused(gap: float) -> None:
    with pytest.raises(ConfigError, match="--gap"):
        check_gap(gap)
