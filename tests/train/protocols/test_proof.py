"""What `Split.check` finds: units, windows, rest periods and recordings on both sides."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memhacl.stream.errors import DataError
from memhacl.stream.spec import SignalSpec
from memhacl.train.config import ProtocolConfig
from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols import PARTS, Split, make_split

WITHIN = ("trial", "stimulus")  # protocols under which a person is on all sides


def moved(split: Split, source: str, target: str, rows: np.ndarray) -> Split:
    """The split with ``rows`` in another part."""
    left, more = np.setdiff1d(getattr(split, source), rows), np.union1d(getattr(split, target), rows)
    return replace(split, **{source: left, target: more})


def with_spec(corpus: Corpus, **modality: Any) -> Corpus:
    """The corpus as if its modalities had been prepared so."""
    spec = corpus.spec
    changed = tuple(one.model_copy(update=modality) for one in spec.modalities)
    manifest = corpus.manifest.model_copy(update={"signals": spec.model_copy(update={"modalities": changed})})
    return replace(corpus, manifest=manifest)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("subject", r"subject p\d is in two parts"),
        ("stimulus", r"stimulus v\d is in two parts"),
        ("trial", r"trial p\d: v\d is in two parts"),
        ("subject+stimulus", r"subject p\d is in two parts"),
        ("paper", r"clip v\d@\d is in two parts"),
    ],
)
@pytest.mark.parametrize("target", ["train", "validation"])
def test_a_unit_on_both_sides_is_found(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], name: str, said: str, target: str
) -> None:
    corpus = made_up(full_grid(6, 6, 2))
    split = make_split(corpus, ProtocolConfig(name=name, validation=0.3, test=0.3))
    with pytest.raises(DataError, match=said):
        moved(split, "test", target, split.test[:1]).check(corpus)


def test_a_window_on_both_sides_is_found(made_up: Callable[..., Corpus], full_grid: Callable[..., Any]) -> None:
    corpus = made_up(full_grid(6, 6, 2))
    split = make_split(corpus, ProtocolConfig(name="paper"))
    for leaking in (
        replace(split, train=np.concatenate([split.train, split.test[:1]])),
        replace(split, test=np.concatenate([split.test, split.test[:1]])),
    ):
        with pytest.raises(DataError, match="a window is in two parts, or twice in one"):
            leaking.check(corpus)


@pytest.mark.parametrize("name", ["subject", "stimulus", "trial", "subject+stimulus"])
def test_a_copied_recording_on_both_sides_is_found(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], name: str
) -> None:
    corpus = made_up(full_grid(6, 6, 3))
    config = ProtocolConfig(name=name, validation=0.2, test=0.2)
    split = make_split(corpus, config)
    trial = corpus.index["trial"]
    tested, trained = (np.flatnonzero(trial == trial[getattr(split, part)[0]]) for part in ("test", "train"))
    corpus.windows[tested] = corpus.windows[trained]
    copied = replace(corpus)
    with pytest.raises(
        DataError, match=r"person p\d, stimulus v\d and person p\d, stimulus v\d are one recording"
    ):
        split.check(copied)
    with pytest.raises(DataError, match="are one recording"):
        make_split(copied, config)
    corpus.windows[tested[0], 0, 0] += 1e-3  # another recording, if only just
    split.check(replace(corpus))


def test_copies_on_one_side_and_lost_sensors_are_no_leak(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = made_up(full_grid(6, 6, 3))
    split = make_split(corpus, ProtocolConfig(name="subject"))
    trial = corpus.index["trial"]
    one, other = np.unique(trial[split.train])[:2].tolist()
    corpus.windows[trial == one] = corpus.windows[trial == other]
    split.check(replace(corpus))
    corpus.windows[:] = 0.5  # nothing tells these apart, and they tell nothing
    split.check(replace(corpus))


@pytest.mark.parametrize("name", WITHIN)
def test_overlapping_windows_on_both_sides_are_left_out_and_found(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], name: str
) -> None:
    corpus = with_spec(made_up(full_grid(4, 6, 4)), baseline="none")
    config = ProtocolConfig(name=name, validation=0.2, test=0.2)
    apart = make_split(corpus, config)
    assert apart.left_out == 0
    corpus.index["start"] = (
        corpus.index["stimulus"] * 3.5 + corpus.index["hop"]
    )  # the next begins half a second early
    with pytest.raises(DataError, match=r"the window of person p\d at [\d.]+ s overlaps one of another part"):
        apart.check(corpus)
    split = make_split(corpus, config)
    left = np.setdiff1d(np.arange(len(corpus.index)), np.concatenate([getattr(split, part) for part in PARTS]))
    assert 0 < len(left) == split.left_out
    assert set(corpus.index["hop"][left].tolist()) == {0, 3}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5, 4.0]), min_size=6, max_size=6),
    name=st.sampled_from(WITHIN),
    baseline=st.sampled_from(["none", "rolling"]),
    seed=st.integers(0, 99),
)
def test_no_window_has_anything_of_another_part_in_its_baseline(
    made_up: Callable[..., Corpus],
    full_grid: Callable[..., Any],
    gaps: list[float],
    name: str,
    baseline: str,
    seed: int,
) -> None:
    corpus = with_spec(made_up(full_grid(3, 6, 5)), baseline=baseline)
    index, spec = corpus.index, corpus.spec
    index["start"] = np.cumsum([gap + 5 for gap in gaps])[index["stimulus"]] + index["hop"]
    split = make_split(corpus, ProtocolConfig(name=name, seed=seed, validation=0.2, test=0.2))
    part = {int(row): part for part in PARTS for row in getattr(split, part)}
    taken = make_taken(index, spec, baseline)
    for row, mine in part.items():
        assert not [other for other in taken(row) if part.get(other, mine) != mine]
    # and nothing is left out without a reason: of another unit there is something in what it took
    unit = "stimulus"
    for row in set(range(len(index))) - part.keys():
        assert [other for other in taken(row) if index[unit][other] != index[unit][row]]


def make_taken(index: np.ndarray, spec: SignalSpec, baseline: str) -> Callable[[int], list[int]]:
    """Rows of the same person that share a moment with what a row's window and baseline were made from."""
    past = spec.baseline_seconds if baseline == "rolling" else 0.0

    def taken(row: int) -> list[int]:
        begin, end = index["start"][row] - past, index["start"][row] + spec.window
        return [
            other
            for other in range(len(index))
            if index["subject"][other] == index["subject"][row]
            and index["start"][other] < end - 1e-6
            and index["start"][other] + spec.window > begin + 1e-6
        ]

    return taken


@pytest.mark.parametrize("setting", [{"baseline": "rest"}, {"baseline": "none", "adapt": "rest"}])
@pytest.mark.parametrize("name", WITHIN)
def test_a_rest_period_on_both_sides_is_left_out_and_found(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], name: str, setting: dict[str, str]
) -> None:
    corpus = with_spec(made_up(full_grid(4, 6, 2)), **setting)
    config = ProtocolConfig(name=name, validation=0.2, test=0.2)
    numbers = np.arange(len(corpus.trials)) % 6  # of the stimulus
    corpus.trials.rest[:] = np.stack([numbers * 100.0 - 3, numbers * 100.0], axis=1)
    apart = make_split(corpus, config)
    assert apart.left_out == 0
    corpus.trials.rest[:] = (-3.0, 0.0)  # one rest for all
    with pytest.raises(DataError, match="or its rest period in its baseline"):
        apart.check(corpus)
    with pytest.raises(DataError, match=r"no window is left in 'train' \(48 have another part's windows or rest"):
        make_split(corpus, config)
    make_split(corpus, ProtocolConfig(name="subject"))  # everybody's own


def test_a_rest_period_that_no_window_takes_may_be_shared(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    corpus = with_spec(made_up(full_grid(4, 6, 2)), baseline="rolling")
    corpus.trials.rest[:] = (-3.0, 0.0)
    assert make_split(corpus, ProtocolConfig(name="trial")).left_out == 0
