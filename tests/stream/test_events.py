"""What a recording's markers say, and which stimulus plays."""

import json
from dataclasses import replace

import numpy as np

from memhacl.stream.events import Playing, events, recorded_markers
from memhacl.stream.signals import (
    ANCHOR,
    REST_END,
    REST_START,
    TRIAL_END,
    Marker,
    Segment,
    Signal,
    StreamFormat,
    Trial,
)
from memhacl.stream.trials import trial_markers, trials_of

TRIAL = Trial("film ü", 10.0, 13.0, 20.0, {"valence": 6.5})


def test_a_trial_tells_its_rest_its_stimulus_and_its_ratings() -> None:
    rest, rested, start, end = trial_markers("p1", TRIAL, 7)
    assert (rest.time, rest.text) == (10.0, REST_START)
    assert (rested.time, rested.text) == (13.0, REST_END)
    assert json.loads(start.text.split(" ", 1)[1]) == {
        "person": "p1",
        "stimulus": "film ü",
        "trial": 7,
        "ratings": {"valence": 6.5},
    }
    assert (end.time, end.text) == (20.0, TRIAL_END)


def test_a_trial_without_rest_has_no_rest_markers() -> None:
    found = trial_markers("p1", Trial("x", 5.0, 5.0, 6.0))
    assert [marker.time for marker in found] == [5.0, 6.0]


def played(*windows: tuple[float, list[Marker]]) -> list[str]:
    playing = Playing()
    return [playing.at(start, markers) for start, markers in windows]


def test_a_stimulus_plays_from_its_start_to_its_end_or_the_next_anchor() -> None:
    start, end = trial_markers("p1", TRIAL)[2:]
    assert played((13.0, [start]), (14.0, []), (20.0, [end])) == ["film ü", "film ü", ""]
    assert played((13.0, [start]), (30.0, [Marker(30.0, ANCHOR)])) == ["film ü", ""]


def test_what_begins_or_ends_within_a_window_counts_from_the_next_window_on() -> None:
    start, end = trial_markers("p1", TRIAL)[2:]
    assert played((12.4, [start]), (13.4, []), (19.4, [end]), (20.4, [])) == ["", "film ü", "film ü", ""]
    begun = Marker(20.0, start.text.replace("film ü", "next"))
    assert played((19.4, [end, begun]), (20.4, [])) == ["", "next"]  # of one moment, the end comes first


def test_markers_that_overlapping_windows_both_show_count_once() -> None:
    start, end = trial_markers("p1", TRIAL)[2:]
    windows = [(t, [m for m in (start, end) if t <= m.time < t + 1]) for t in np.arange(12.0, 21.0, 0.25)]
    for (time, _), stimulus in zip(windows, played(*windows), strict=True):
        assert stimulus == ("film ü" if 13.0 <= time < 20.0 else "")


def test_a_laboratorys_own_markers_are_let_be() -> None:
    start = trial_markers("p1", TRIAL)[2]
    for text in ("memhacl:trial_started", "memhacl:trial", "S 12"):
        assert played((13.0, [start]), (14.0, [Marker(14.0, text)])) == ["film ü", "film ü"]


def test_what_plays_after_a_start_that_cannot_be_read_is_unknown_as_it_is_to_training() -> None:
    start, end = trial_markers("p1", TRIAL)[2:]
    for text in ("memhacl:trial_start", "memhacl:trial_start {broken", "memhacl:trial_start [1]"):
        broken = Marker(14.0, text)
        assert played((13.0, [start]), (14.0, [broken])) == ["film ü", ""]
        assert trials_of([start, broken, end], "x").trials == ()


def test_a_trial_that_began_before_the_first_sample_begins_with_it() -> None:
    form = StreamFormat("amp", "EEG", ("Cz",), "uV", 10.0)
    signal = Signal(form, np.zeros((100, 1), np.float32), 15.0)
    for trial, times in ((TRIAL, [15.0, 15.0, 20.0]), (replace(TRIAL, end=14.0), [10.0, 13.0, 13.0, 14.0, 15.0])):
        assert [marker.time for marker in events("p1", Segment((signal,), (trial,)))] == times
    found = events("p1", Segment((signal,), (TRIAL,)))
    assert played((15.0, found[:2]), (19.0, found[2:]), (20.0, [])) == ["film ü", "film ü", ""]


def test_a_trigger_channel_is_its_levels_and_an_event_stream_each_number() -> None:
    levels = np.array([[0], [0], [5], [5], [0], [5], [7], [np.nan], [7]], dtype=np.float32)
    for rate, texts in ((1000.0, ["5", "5", "7", "7"]), (0.0, ["0", "0", "5", "5", "0", "5", "7", "nan", "7"])):
        form = StreamFormat("trig", "Markers", ("code",), "unstated", rate)
        stream = Signal(form, levels, 10.0, 10.0 + np.arange(9) / 1000)
        assert [marker.text for marker in recorded_markers([stream])] == texts
