"""Interpolated channels: the paper's formula, true to a smooth field, and never more than allowed."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memhacl.stream.montage import positions
from memhacl.stream.path.repair import KEPT, Repair, limit, weights
from memhacl.stream.sources.deap.layout import ELECTRODES

NONE = np.zeros(len(ELECTRODES), dtype=bool)
POINTS = positions(ELECTRODES)


def bad(*names: str) -> np.ndarray:
    return np.array([name in names for name in ELECTRODES])


def field(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """A smooth field on the sphere: all polynomials of x, y and z up to the third degree, (points,)."""
    rng = np.random.default_rng(seed)
    x, y, z = points.T
    powers = [(a, b, c) for a in range(4) for b in range(4) for c in range(4) if a + b + c <= 3]
    return sum(rng.normal() * x**a * y**b * z**c for a, b, c in powers)


def legendre(n: int, x: float) -> float:
    """P_n(x) by its recurrence."""
    before, now = 1.0, x
    for k in range(2, n + 1):
        before, now = now, ((2 * k - 1) * x * now - (k - 1) * before) / k
    return now


def perrin(points: np.ndarray, values: np.ndarray, target: np.ndarray) -> float:
    """The paper's equations (1) to (3), one number at a time, for the potential at one point."""

    def g(one: np.ndarray, other: np.ndarray) -> float:
        cosine = max(-1.0, min(1.0, float(one @ other)))
        terms = ((2 * n + 1) / (n * (n + 1)) ** 4 * legendre(n, cosine) for n in range(1, 60))
        return math.fsum(terms) / (4 * math.pi)

    count = len(points)
    rows = [
        [g(p, q) + (1e-5 if i == j else 0.0) for j, q in enumerate(points)] + [1.0] for i, p in enumerate(points)
    ]
    rows.append([1.0] * count + [0.0])
    c = np.linalg.solve(np.array(rows), np.append(values, 0.0))
    return float(c[count] + math.fsum(c[i] * g(points[i], target) for i in range(count)))


def test_agrees_with_a_plain_transcription_of_the_paper() -> None:
    gone = bad("O2", "Cz", "F7")
    values = np.random.default_rng(1).normal(size=len(ELECTRODES))
    fast = weights(POINTS, gone) @ values[~gone]
    slow = [perrin(POINTS[~gone], values[~gone], target) for target in POINTS[gone]]
    np.testing.assert_allclose(fast, slow, rtol=1e-6)


def test_agrees_with_mne() -> None:
    mne = pytest.importorskip("mne")
    gone, values = bad("O2", "Cz", "F7"), np.random.default_rng(2).normal(size=(len(ELECTRODES), 20))
    places = dict(zip(ELECTRODES, 0.095 * POINTS, strict=True))
    info = mne.create_info(list(ELECTRODES), 100.0, "eeg")
    raw = mne.io.RawArray(np.where(gone[:, None], 0.0, values), info, verbose="error")
    raw.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"))
    raw.info["bads"] = [name for name, out in zip(ELECTRODES, gone, strict=True) if out]
    theirs = raw.interpolate_bads(origin=(0.0, 0.0, 0.0), method={"eeg": "spline"}, verbose="error").get_data()
    ours, _ = Repair(ELECTRODES, 0.2, 128).apply(values.T, gone)
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("names", [("Cz",), ("C3", "P4"), ("F3", "Oz", "FC6", "CP1")])
def test_a_smooth_field_comes_back(names: tuple[str, ...]) -> None:
    gone, truth = bad(*names), np.stack([field(POINTS, seed) for seed in range(20)])
    repaired, which = Repair(ELECTRODES, 0.2, 128).apply(np.where(gone, np.nan, truth), NONE)
    np.testing.assert_array_equal(which, gone)
    np.testing.assert_array_equal(repaired[:, ~gone], truth[:, ~gone])
    error = np.sqrt(np.mean((repaired - truth)[:, gone] ** 2) / truth[:, gone].var())
    assert error < 0.05


@settings(max_examples=40, deadline=None)
@given(names=st.sets(st.sampled_from(ELECTRODES), min_size=1, max_size=16), level=st.floats(-1e5, 1e5))
def test_an_offset_that_all_share_passes_unchanged(names: set[str], level: float) -> None:
    gone = bad(*names)
    values = np.full((3, len(ELECTRODES)), level)
    repaired, _ = Repair(ELECTRODES, 0.5, 128).apply(np.where(gone, np.nan, values), NONE)
    np.testing.assert_allclose(repaired, values, rtol=1e-9, atol=1e-9)


def test_each_slot_is_repaired_by_its_own_pattern_and_too_many_stay_missing() -> None:
    truth = np.tile(field(POINTS), (6, 1))
    block = truth.copy()
    block[1:3, 4] = np.nan
    block[3, 4:11] = np.nan  # seven of 32 are more than a fifth
    block[4, [4, 5]] = np.nan
    dead = bad("Oz")
    repaired, which = Repair(ELECTRODES, 0.2, 128).apply(block, dead)
    np.testing.assert_array_equal(np.isnan(repaired).sum(axis=1), [0, 0, 0, 8, 0, 0])
    assert np.isnan(repaired[3][dead]).all()  # a dead channel's value is none, also where it cannot be replaced
    assert set(np.array(ELECTRODES)[which]) == {"Oz", *np.array(ELECTRODES)[[4, 5]]}
    for slot, gone in ((0, dead), (1, dead | bad(ELECTRODES[4])), (4, dead | bad(*ELECTRODES[4:6]))):
        expected = weights(POINTS, gone) @ truth[slot, ~gone]
        np.testing.assert_allclose(repaired[slot, dead], expected[dead[gone]])  # of its level nothing is known
    np.testing.assert_allclose(repaired[[1, 2, 4], 4], truth[0, 4])  # what stood still goes on standing there
    np.testing.assert_array_equal(repaired[3, 12], block[3, 12])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_good_value_changes_and_no_bad_one_survives(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    block = rng.normal(size=(data.draw(st.integers(1, 20)), len(ELECTRODES)))
    block[rng.random(block.shape) < data.draw(st.sampled_from([0.0, 0.05, 0.2, 1.0]))] = np.nan
    dead = rng.random(len(ELECTRODES)) < data.draw(st.sampled_from([0.0, 0.1]))
    before = block.copy()
    repaired, _ = Repair(ELECTRODES, 0.2, 128).apply(block, dead)
    np.testing.assert_array_equal(block, before)  # the caller's block is his
    out = np.isnan(before) | dead
    np.testing.assert_array_equal(repaired[~out], before[~out])
    many = out.sum(axis=1) > 6
    assert np.isnan(repaired[many][out[many]]).all()
    assert np.isfinite(repaired[~many]).all()


@pytest.mark.parametrize(
    "channels",
    [("Cz", "Oz", "Pz"), ("Cz", "Oz", "Pz", "A1", "Fz", "F3"), ("EEG1", "EEG2", "EEG3", "EEG4", "EEG5")],
)
def test_a_montage_without_places_is_not_interpolated(channels: tuple[str, ...]) -> None:
    repair = Repair(channels, 0.5, 128)
    assert repair.limit == 0
    block = np.ones((2, len(channels)))
    block[0, 0] = np.nan
    dead = np.arange(len(channels)) == 1
    repaired, which = repair.apply(block, dead)
    assert not which.any()
    np.testing.assert_array_equal(np.isnan(repaired[:, :2]), [[True, True], [False, True]])


def test_the_share_is_of_all_channels_and_rounded_down() -> None:
    assert [limit(ELECTRODES[:n], 0.2) for n in (4, 5, 9, 10, 32)] == [0, 1, 1, 2, 6]
    assert limit(ELECTRODES, 0.0) == 0


def test_other_peoples_labels_have_their_places_too() -> None:
    ours = Repair(("T7", "T8", "P7", "P8", "Cz", "Oz"), 0.2, 128)
    theirs = Repair(("EEG T3-REF", "t4", "T5.", "T6", "EEG Cz-REF", "oz"), 0.2, 128)
    block, dead = np.random.default_rng(0).normal(size=(4, 6)), np.arange(6) == 2
    np.testing.assert_array_equal(ours.apply(block, dead)[0], theirs.apply(block, dead)[0])


def test_weights_are_kept_but_not_without_bound() -> None:
    repair, rng = Repair(ELECTRODES, 0.2, 128), np.random.default_rng(0)
    for _ in range(3 * KEPT):
        dead = np.zeros(len(ELECTRODES), dtype=bool)
        dead[rng.choice(len(ELECTRODES), 5, replace=False)] = True
        repair.apply(rng.normal(size=(2, len(ELECTRODES))), dead)
    assert len(repair._weights) == KEPT


def test_a_whole_block_is_returned_as_it_is() -> None:
    block = np.random.default_rng(0).normal(size=(16, len(ELECTRODES)))
    repaired, which = Repair(ELECTRODES, 0.2, 128).apply(block, NONE)
    np.testing.assert_array_equal(repaired, block)
    assert not which.any()


@pytest.mark.parametrize("gone", [slice(300, 301), slice(250, 262), slice(256, 640)], ids=["one", "few", "long"])
def test_no_step_of_an_electrodes_own_offset_goes_into_the_filter(gone: slice) -> None:
    """Electrodes stand at offsets of 10 mV, a thousand times the signal, and drift."""
    rng = np.random.default_rng(0)
    waves = np.cumsum(rng.normal(size=(896, 3)), axis=0) @ rng.normal(size=(3, len(ELECTRODES)))  # slow, shared
    offsets = rng.normal(scale=10_000, size=len(ELECTRODES))
    truth = offsets + waves
    block = truth.copy()
    block[gone, 7] = np.nan
    repair = Repair(ELECTRODES, 0.2, 128)
    out = np.concatenate([repair.apply(part, NONE)[0] for part in np.split(block, 7)])
    largest = np.abs(np.diff(truth, axis=0)).max()
    assert np.abs(np.diff(out[:, 7])).max() < 20 * largest  # an offset would be hundreds of times as much
    np.testing.assert_array_equal(np.delete(out, 7, axis=1), np.delete(truth, 7, axis=1))
