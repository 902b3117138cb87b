"""A laboratory's own markers as trials, against a slow reference that looks at each start by itself."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.signals import Marker, Trial
from memhacl.stream.sources.xdf.marker_rules import MarkerRules, trials_by
from memhacl.stream.trials import Told

SCALES = {"valence": (1.0, 9.0)}
FULL = {
    "start": r"on (?P<stimulus>\w+)",
    "end": "off",
    "rest_start": "rest",
    "rest_end": "go",
    "rating": r"rate (?P<scale>\w+) (?P<value>\S*)",
    "category": r"cond (?P<kind>\w+) (?P<category>\w+)",
}


def told(rules: dict[str, Any], *texts: tuple[float, str], since: float = 0.0, until: float = 1e9) -> Told:
    markers = [Marker(time, text) for time, text in texts]
    return trials_by(MarkerRules.parse(rules, "lab.yaml"), markers, SCALES, "a.xdf", since, until)


def reference(markers: list[Marker], since: float) -> list[Trial]:
    """Each trial from the markers around its start alone."""
    texts = [marker.text for marker in markers]
    starts = [place for place, text in enumerate(texts) if text.startswith("on ")]
    found, ended = [], {}
    for number, start in enumerate(starts):
        before = starts[number - 1] if number else -1
        after = starts[number + 1] if number + 1 < len(starts) else len(markers)
        mine = range(start, after)
        end = next((place for place in mine if texts[place] == "off"), None)
        ended[start] = end
        if end is None:
            continue
        onset = markers[start].time
        earliest = since
        if number:
            earliest = max(since, markers[before if ended[before] is None else ended[before]].time)
        rest, rested = onset, None
        for go in range(before + 1, start):  # the last rest that began and ended since the start before
            begun = [place for place in range(before + 1, go) if texts[place] in ("rest", "go")]
            if texts[go] == "go" and begun and texts[begun[-1]] == "rest":
                rest, rested = onset, None
                first, last = max(markers[begun[-1]].time, earliest), markers[go].time
                if first < last and onset - last <= 10:
                    rest, rested = first, None if last == onset else last
        ratings = {text.split()[1]: float(text.split()[2]) for text in texts[start:after] if text[:4] == "rate"}
        kinds = {text.split()[1]: text.split()[2] for text in texts[start:after] if text[:4] == "cond"}
        found.append(
            Trial(texts[start][3:], rest, onset, markers[end].time, ratings, categories=kinds, rested=rested)
        )
    return found


TEXTS = ["on a", "on b", "off", "rest", "go", "rate valence 5", "rate valence 7", "cond kind x", "key 3"]


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 3.0, 9.0]), st.sampled_from(TEXTS)), max_size=40))
def test_trials_are_those_of_the_reference_and_every_start_and_end_is_accounted_for(
    steps: list[tuple[float, str]],
) -> None:
    time, markers = 100.0, []
    for step, text in steps:
        time += step
        markers.append(Marker(time, text))
    found = trials_by(MarkerRules.parse(FULL, "lab.yaml"), markers, SCALES, "a.xdf", 101.0, 1e9)
    assert list(found.trials) == reference(markers, 101.0)
    texts = [marker.text for marker in markers]
    assert len(found.trials) + found.excluded.get("no_end", 0) == sum(text.startswith("on ") for text in texts)
    assert len(found.trials) + found.excluded.get("no_start", 0) == texts.count("off")
    assert all(count > 0 for count in found.excluded.values())


@given(st.lists(st.floats(0.1, 9.0), min_size=1, max_size=12), st.floats(0.0, 20.0))
def test_trials_of_a_set_length_last_it_or_are_left_out(steps: list[float], more: float) -> None:
    onsets = [sum(steps[: count + 1]) for count in range(len(steps))]
    until = onsets[-1] + more
    found = told({"start": "on", "seconds": 4.0}, *((onset, "on") for onset in onsets), until=until)
    whole = [
        onset for onset, after in zip(onsets, [*onsets[1:], until], strict=True) if onset + 4.0 <= after + 1e-6
    ]
    assert [trial.onset for trial in found.trials] == whole
    assert all(trial.end == trial.onset + 4.0 for trial in found.trials)
    assert found.excluded.get("no_end", 0) == len(onsets) - len(whole)


def test_a_trial_has_its_stimulus_rest_ratings_and_categories() -> None:
    (trial,) = told(
        FULL | {"start": r"on (?P<stimulus>\w+) as (?P<condition>\w+)"},
        (1.0, "rest"), (4.0, "go"), (4.5, "on 12 as calm"), (6.0, "cond group x"), (9.0, "off"),
        (11.0, "rate valence 6.5"), (12.0, "rate dominance -3"), (13.0, "rate arousal "),
    ).trials  # fmt: skip
    assert trial == Trial(
        "12", 1.0, 4.5, 9.0, {"valence": 6.5, "dominance": -3.0},
        categories={"condition": "calm", "group": "x"}, rested=4.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "rest"),
    [
        ({"rest_start": "fix"}, (4.0, None)),  # lasts to the onset
        ({"rest_seconds": 3}, (7.0, None)),
        ({"rest_seconds": 30}, (2.5, None)),  # not before the first sample
        ({"rest_start": "fix", "rest_end": "go"}, (10.0, None)),  # it never ended
        ({}, (10.0, None)),
    ],
)
def test_a_rest_is_where_the_rules_have_it(rules: dict[str, Any], rest: tuple[float, float | None]) -> None:
    (trial,) = told(
        {"start": "on", "end": "off"} | rules, (4.0, "fix"), (10.0, "on"), (20.0, "off"), since=2.5
    ).trials
    assert (trial.rest, trial.rested) == rest


def test_the_seconds_before_a_start_are_no_rest_while_another_stimulus_plays() -> None:
    texts = [(10.0, "on"), (20.0, "off"), (21.0, "on"), (30.0, "off"), (30.0, "on"), (40.0, "off")]
    trials = told({"start": "on", "end": "off", "rest_seconds": 3}, *texts).trials
    assert [trial.rest for trial in trials] == [7.0, 20.0, 30.0]


def test_one_marker_may_end_a_trial_and_begin_the_next() -> None:
    rules = {"start": r"clip (?P<stimulus>\w+)", "end": "clip .*|stop"}
    found = told(rules, (1.0, "clip a"), (5.0, "clip b"), (9.0, "stop"))
    assert [(t.stimulus, t.onset, t.end) for t in found.trials] == [("a", 1.0, 5.0), ("b", 5.0, 9.0)]
    assert found.excluded == {}


def test_without_a_group_the_text_is_the_stimulus_and_the_whole_text_must_match() -> None:
    found = told({"start": "1[0-9]", "seconds": 2}, (1.0, "12"), (5.0, "112"), (9.0, "120"), (11.0, "13"))
    assert [trial.stimulus for trial in found.trials] == ["12", "13"]


def test_a_group_for_each_scale_or_kind_will_do() -> None:
    rules = {
        "start": "on",
        "end": "off",
        "rating": r"v=(?P<valence>\d)( a=(?P<arousal>\d))?",
        "category": "(?P<sex>[mf])",
    }
    (trial,) = told(rules, (1.0, "on"), (2.0, "off"), (3.0, "v=4"), (3.0, "f")).trials
    assert (trial.ratings, trial.categories) == ({"valence": 4.0}, {"sex": "f"})


def test_a_rating_is_of_the_last_trial_that_began_though_that_be_left_out() -> None:
    found = told(
        FULL,
        (0.5, "rate valence 1"), (1.0, "on a"), (2.0, "off"), (3.0, "on b"), (4.0, "rate valence 9"),
        (5.0, "on c"), (6.0, "off"), (7.0, "off"), (8.0, "rate valence 3"), (9.0, "rate valence 4"),
    )  # fmt: skip
    assert [(trial.stimulus, trial.ratings) for trial in found.trials] == [("a", {}), ("c", {"valence": 4.0})]
    assert found.excluded == {"no_end": 1, "no_start": 1}
    assert found.notes == (
        "a.xdf: trials without an end are left out: 'b' at 3.000 s",
        "a.xdf: ends without a start are left out: 'off' at 7.000 s",
        "a.xdf: labels before any trial are left out: 'rate valence 1' at 0.500 s",
        "a.xdf: labels that a later one of the same trial replaces are left out: 'rate valence 4' at 9.000 s",
    )


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("rate valence 12", r"a\.xdf, marker 'rate valence 12' at 2\.000 s: rates valence 12, expected 1 to 9"),
        ("rate valence so-so", r"a\.xdf, marker 'rate valence so-so' at 2\.000 s: valence: expected a number"),
        ("rate valence inf", "expected a number, found 'inf'"),
    ],
)
def test_a_rating_that_is_none_is_told_with_file_and_time(text: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        told(FULL, (1.0, "on a"), (2.0, text))


def test_where_no_marker_begins_a_trial_the_notes_show_which_there_are() -> None:
    found = told({"start": "S (?P<stimulus>1.)", "seconds": 3}, (1.0, "S12"), (2.0, "S12"), (3.0, "S 2\n"))
    assert found.notes == (r"a.xdf: no marker matches 'start' (S (?P<stimulus>1.)); there are 'S12', 'S 2\n'",)


@pytest.mark.parametrize(
    ("rules", "match"),
    [
        ({"end": "x"}, "key 'start' is missing"),
        ({"start": "x"}, "expected either 'end' or 'seconds'"),
        ({"start": "x", "end": "y", "seconds": 3}, "expected either 'end' or 'seconds'"),
        ({"start": "x", "seconds": 0}, "seconds: .*greater than 0"),
        ({"start": "x", "seconds": float("inf")}, "seconds: .*finite"),
        ({"start": "x(", "end": "y"}, r"start: expected a regular expression; .*\(found 'x\('\)"),
        ({"start": "x", "end": "y", "rest_end": "z"}, "expected 'rest_start'"),
        ({"start": "x", "end": "y", "rest_start": "z", "rest_seconds": 3}, "not both"),
        ({"start": "x", "end": "y", "rating": r"\d"}, "rating: expected the named groups 'scale' and 'value'"),
        ({"start": "x", "end": "y", "rating": r"(?P<value>\d)"}, "rating: expected the named groups"),
        ({"start": "x", "end": "y", "category": r"(?P<kind>\d)"}, "category: expected the named groups 'kind'"),
        ({"strat": "x", "end": "y"}, "unknown key 'strat'; did you mean 'start'"),
        ({"start": 12, "end": "y"}, "start: .*string"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rules: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match) as problem:
        MarkerRules.parse(rules, "lab.yaml: markers")
    assert not re.search("\n", str(problem.value))
