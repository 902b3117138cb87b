"""Trials written as memhacl:* markers and read back."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memhacl.stream.signals import ANCHOR, REST_END, REST_START, TRIAL_END, Marker, Trial
from memhacl.stream.trials import trial_markers, trials_of

WORDS = st.sampled_from(["a", "film ü", '"{', "two words", "答え", "line\nbreak"])


@st.composite
def sequences(draw: st.DrawFn) -> list[Trial]:
    """Trials one after the other: some with a rest, which may end before the onset."""
    trials, time = [], draw(st.floats(-1e3, 1e6))
    for _ in range(draw(st.integers(0, 4))):
        rest = time + draw(st.sampled_from([0.0, 0.5, 7.0]))
        rested = rest + draw(st.sampled_from([0.0, 3.0]))
        onset = rested + draw(st.sampled_from([0.0, 0.25, 9.0]))
        end = onset + draw(st.floats(0.5, 90.0))
        trial = Trial(
            draw(WORDS),
            rest if rested > rest else onset,
            onset,
            end,
            draw(st.dictionaries(WORDS, st.floats(-9, 9), max_size=2)),
            categories=draw(st.dictionaries(WORDS, WORDS, max_size=2)),
            rested=rested if rest < rested < onset else None,
        )
        trials.append(trial)
        time = end + draw(st.sampled_from([0.0, 2.0]))
    return trials


@given(sequences())
def test_markers_of_trials_read_back_are_the_trials(trials: list[Trial]) -> None:
    markers = [marker for number, trial in enumerate(trials) for marker in trial_markers("p", trial, number)]
    told = trials_of(sorted(markers, key=lambda marker: marker.time), "x")
    assert (list(told.trials), told.excluded, told.notes) == (trials, {}, ())


def test_each_trial_without_an_end_is_counted() -> None:
    start, end = trial_markers("p", Trial("a", 5.0, 5.0, 9.0))
    again = [replace(start, time=start.time + shift) for shift in (0.0, 1.0, 20.0, 30.0, 40.0)]
    told = trials_of([*again[:2], end, again[2], Marker(25.0, ANCHOR), *again[3:]], "x.xdf")
    assert [trial.onset for trial in told.trials] == [6.0]
    assert told.excluded == {"no_end": 4}
    assert told.notes == (
        "x.xdf: trials without an end are left out: "
        "'a' at 5.000 s, 'a' at 25.000 s, 'a' at 35.000 s, ... (4 in all)",
    )


@pytest.mark.parametrize(
    ("rest", "rested", "expected"),
    [
        (1.0, 4.0, (1.0, 4.0)),
        (1.0, 14.0, (1.0, None)),  # to the onset
        (1.0, 3.5, (14.0, None)),  # more than 10 s before
        (15.0, 16.0, (14.0, None)),  # within the stimulus
    ],
)
def test_a_rest_counts_where_the_stimulus_follows_soon(rest: float, rested: float, expected: tuple) -> None:
    start, end = trial_markers("p", Trial("a", 14.0, 14.0, 20.0))
    markers = sorted([Marker(rest, REST_START), Marker(rested, REST_END), start, end], key=lambda m: m.time)
    (trial,) = trials_of(markers, "x").trials
    assert (trial.rest, trial.rested) == expected


def test_a_rest_is_of_one_trial_alone() -> None:
    start, end = trial_markers("p", Trial("a", 3.0, 3.0, 5.0))
    later = Marker(6.0, start.text), Marker(8.0, end.text)
    rest = Marker(1.0, REST_START), Marker(2.0, REST_END)
    for markers in ((*rest, start, end, *later), (*rest, start, *later)):  # also where the first has no end
        assert trials_of(markers, "x").trials[-1].rest == 6.0


BROKEN = ["", "{", "[1]", "{}", '{"trial":1}', "[" * 100_000, "{'stimulus': 'B'}", "B", "\tB"]


@pytest.mark.parametrize("facts", BROKEN)
def test_a_start_that_says_no_stimulus_is_counted_and_said(facts: str) -> None:
    start, end = trial_markers("p", Trial("a", 5.0, 5.0, 9.0))
    told = trials_of([start, Marker(6.0, f"memhacl:trial_start {facts}"), end], "x.xdf")
    assert told.trials == ()  # the end is not the first trial's
    assert told.excluded == {"no_end": 1, "unreadable_start": 1}
    assert "x.xdf: starts that do not say their stimulus as JSON" in told.notes[1]
    assert told.notes[1].endswith(" at 6.000 s")
    assert len(told.notes[1]) < 250


def test_a_rest_before_a_start_that_cannot_be_read_is_not_the_next_trials() -> None:
    start, end = trial_markers("p", Trial("a", 5.0, 5.0, 9.0))
    broken = Marker(4.0, "memhacl:trial_start B")
    (trial,) = trials_of([Marker(1.0, REST_START), Marker(4.0, REST_END), broken, start, end], "x").trials
    assert trial.rest == 5.0


def test_a_start_needs_no_space_and_an_end_may_say_more() -> None:
    start = Marker(1.0, 'memhacl:trial_start{"stimulus":"B"}')
    told = trials_of([start, Marker(2.0, 'memhacl:trial_end {"stimulus":"B"}')], "x")
    assert [(trial.stimulus, trial.onset, trial.end) for trial in told.trials] == [("B", 1.0, 2.0)]
    assert trials_of([Marker(1.0, "memhacl:trial_started")], "x").excluded == {}


def test_only_what_is_a_label_is_taken() -> None:
    huge = "1" + "0" * 400
    ratings = f'{{"a":1,"b":true,"c":NaN,"d":"5","e":null,"f":{huge}}}'
    text = f'memhacl:trial_start {{"stimulus":7,"ratings":{ratings},"categories":{{"k":"w","n":3}}}}'
    told = trials_of([Marker(1.0, text), Marker(2.0, TRIAL_END)], "x")
    (trial,) = told.trials
    assert told.notes == (
        "x: ratings that are no numbers and categories that are no words are left out: b True of '7' at 1.000 s, "
        "c nan of '7' at 1.000 s, d '5' of '7' at 1.000 s, ... (5 in all)",
    )
    assert (trial.stimulus, trial.ratings, trial.categories) == ("7", {"a": 1.0}, {"k": "w"})
    assert all(math.isfinite(rating) for rating in trial.ratings.values())


@pytest.mark.parametrize("labels", ['"ratings":7', '"categories":["joy"]'])
def test_labels_that_are_no_mapping_are_said(labels: str) -> None:
    text = f'memhacl:trial_start {{"stimulus":"a",{labels}}}'
    (note,) = trials_of([Marker(1.0, text), Marker(2.0, TRIAL_END)], "x").notes
    assert "of 'a' at 1.000 s" in note
