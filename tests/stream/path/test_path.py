"""The path as a whole: windows from streams, however they are chopped, delayed or broken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memhacl.stream.errors import StreamError
from memhacl.stream.path.path import SignalPath, Window
from memhacl.stream.signals import ANCHOR, REST_END, REST_START, Marker, StreamFormat
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec

RATE = 128.0


def spec(**changes) -> SignalSpec:
    eeg = ModalitySpec(modality="EEG", channels=("Cz", "Oz"), unit="uV", baseline="none")
    gsr = ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none")
    return SignalSpec(modalities=(eeg, gsr), **changes)


def formats(eeg_rate=RATE, gsr_rate=RATE) -> list[StreamFormat]:
    return [
        StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", eeg_rate),
        StreamFormat("skin", "GSR", ("GSR",), "uS", gsr_rate),
    ]


def signals(seconds: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    samples = round(seconds * RATE)
    return rng.normal(size=(samples, 2)).astype(np.float32), rng.normal(size=(samples, 1)).astype(np.float32)


def opened(wanted: SignalSpec, found: list[StreamFormat] | None = None, **options) -> SignalPath:
    path = SignalPath(wanted, **options)
    for form in found or formats():
        path.open(form)
    return path


def stamps(samples: int, start: float = 100.0, rate: float = RATE) -> np.ndarray:
    return start + np.arange(samples) / rate


def whole(wanted: SignalSpec, eeg: np.ndarray, gsr: np.ndarray) -> list[Window]:
    path = opened(wanted)
    path.push("EEG", eeg, stamps(len(eeg)), 0.0)
    path.push("GSR", gsr, stamps(len(gsr)), 0.0)
    return path.finish()


def same(ours: list[Window], theirs: list[Window]) -> None:
    assert [w.index for w in ours] == [w.index for w in theirs]
    assert [w.reasons for w in ours] == [w.reasons for w in theirs]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_samples_at_the_models_rate_reach_the_window_unchanged() -> None:
    eeg, gsr = signals(3)
    windows = whole(spec(), eeg, gsr)
    assert [w.index for w in windows] == [0, 1, 2]
    for k, window in enumerate(windows):
        part = slice(128 * k, 128 * k + 128)
        np.testing.assert_array_equal(window.data, np.concatenate([eeg[part], gsr[part]], axis=1).T)
        assert window.valid
        assert window.start == pytest.approx(100.0 + k)
        assert window.end == pytest.approx(101.0 + k)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_windows_do_not_depend_on_chunks_or_arrival_order(data: st.DataObject) -> None:
    wanted = spec(hop=0.5, baseline_seconds=1.0)
    wanted = wanted.model_copy(
        update={
            "modalities": (
                wanted.modalities[0].model_copy(
                    update={"conditioning": Conditioning(band=(4, 45), reference="average"), "baseline": "rolling"}
                ),
                wanted.modalities[1].model_copy(update={"adapt": "running"}),
            ),
            "adapt_warmup": 1.0,
        }
    )
    eeg, gsr = signals(4)
    expected = whole(wanted, eeg, gsr)
    assert any(w.valid for w in expected)
    path = opened(wanted, patience=1e9)
    queues = {"EEG": eeg, "GSR": gsr}
    at = dict.fromkeys(queues, 0)
    got: list[Window] = []
    while any(at[name] < len(queues[name]) for name in queues):
        name = data.draw(st.sampled_from([n for n in queues if at[n] < len(queues[n])]))
        size = data.draw(st.integers(1, 200))
        first, last = at[name], min(at[name] + size, len(queues[name]))
        path.push(name, queues[name][first:last], stamps(len(queues[name]))[first:last], now=0.0)
        at[name] = last
        got += path.advance(0.0)
    same(got + path.finish(), expected)


def test_a_lost_stream_delays_the_others_by_the_patience_and_no_more() -> None:
    eeg, _ = signals(2)
    path = opened(spec(), patience=0.4)
    path.push("EEG", eeg, stamps(len(eeg)), 102.0)
    assert path.advance(101.39) == []
    (window,) = path.advance(101.40)
    assert window.reasons == ("missing:GSR",)
    np.testing.assert_array_equal(window.data[:2], eeg[:128].T)
    assert window.quality["GSR"]["missing"] == 1.0


def test_a_gap_invalidates_the_windows_that_it_touches_and_no_other() -> None:
    eeg, gsr = signals(5)
    keep = np.r_[0:300, 310:640]  # 10 samples lost in the third second
    path = opened(spec())
    path.push("EEG", eeg[keep], stamps(640)[keep], 0.0)
    path.push("GSR", gsr, stamps(640), 0.0)
    windows = path.finish()
    assert [w.reasons for w in windows] == [(), (), ("gap:EEG",), (), ()]
    np.testing.assert_array_equal(windows[3].data[:2], eeg[384:512].T)  # time is right again behind the gap


def test_a_single_lost_sample_is_noticed() -> None:
    eeg, gsr = signals(3)
    keep = np.r_[0:200, 201:384]
    path = opened(spec())
    path.push("EEG", eeg[keep], stamps(384)[keep], 0.0)
    path.push("GSR", gsr, stamps(384), 0.0)
    assert [w.reasons for w in path.finish()] == [(), ("gap:EEG",), ()]


def test_nan_from_the_device_is_missing() -> None:
    eeg, gsr = signals(2)
    eeg[5, 1] = np.nan
    gsr[200, 0] = np.inf
    assert [w.reasons for w in whole(spec(), eeg, gsr)] == [("gap:EEG",), ("gap:GSR",)]


def test_windows_start_at_the_marker_and_again_at_the_next() -> None:
    eeg, gsr = signals(6)
    path = opened(spec(), anchor="marker")
    path.push("EEG", eeg, stamps(768), 0.0)
    path.push("GSR", gsr, stamps(768), 0.0)
    assert path.advance(1e9) == []  # nothing before an anchor
    path.mark(Marker(100.0 + 20 / RATE, ANCHOR))
    path.mark(Marker(100.0 + 340 / RATE, ANCHOR))
    windows = path.finish()
    assert [w.index for w in windows] == [0, 1, 0, 1, 2]
    np.testing.assert_array_equal(windows[0].data[:2], eeg[20:148].T)
    np.testing.assert_array_equal(windows[2].data[:2], eeg[340:468].T)


def test_an_anchor_before_the_first_sample_is_a_promise_that_data_keep() -> None:
    eeg, gsr = signals(2)
    path = opened(spec(), anchor="marker")
    path.mark(Marker(100.0 - 10 / RATE, ANCHOR))
    assert path.advance(99.0) == []
    path.push("EEG", eeg, stamps(256), 0.0)
    path.push("GSR", gsr, stamps(256), 0.0)
    first, second = path.finish()
    assert first.reasons == ("gap:EEG", "gap:GSR")
    assert second.valid
    np.testing.assert_array_equal(second.data[:2], eeg[118:246].T)


@pytest.mark.parametrize("offset", [0.02, 0.3, -0.4])
def test_another_streams_phase_is_interpolated_unless_it_is_the_slots_own(offset: float) -> None:
    """A 5-Hz sine on a stream whose samples lie between the grid's slots arrives with the slots' phase."""
    times = stamps(640)
    eeg, _ = signals(5)
    skin = stamps(640) + offset / RATE
    wave = np.sin(2 * np.pi * 5 * skin)[:, None].astype(np.float32)
    path = opened(spec())
    path.push("EEG", eeg, times, 0.0)
    path.push("GSR", wave, skin, 0.0)
    got = path.finish()[2].data[2]
    exact = np.sin(2 * np.pi * 5 * times[256:384])
    tolerance = 0.006 if abs(offset) < 0.05 else 1e-3  # a snapped sample is off by up to 0.05 sample
    np.testing.assert_allclose(got, exact, atol=tolerance)


@pytest.mark.parametrize("rate", [100.0, 250.0, 256.0, 500.0, 512.0, 1000.0, 2000.0])
def test_45_hz_at_another_rate_arrive_within_a_percent_and_a_tenth_of_a_millisecond(rate: float) -> None:
    seconds, frequency = 6, 45.0
    eeg, _ = signals(seconds)
    times = stamps(round(seconds * rate), rate=rate)
    wave = np.sin(2 * np.pi * frequency * times)[:, None].astype(np.float32)
    wanted = spec()
    if rate < 128:  # 45 of 50 Hz: a sharp filter looks further ahead
        gsr = wanted.modalities[1].model_copy(update={"look_ahead": 0.25})
        wanted = wanted.model_copy(update={"modalities": (wanted.modalities[0], gsr)})
    path = opened(wanted, formats(gsr_rate=rate))
    path.push("EEG", eeg, stamps(len(eeg)), 0.0)
    path.push("GSR", wave, times, 0.0)
    got = path.finish()[3].data[2]
    np.testing.assert_allclose(got, np.sin(2 * np.pi * frequency * stamps(len(eeg))[384:512]), atol=0.01)


@pytest.mark.parametrize("rate", [256.0, 500.0, 1000.0])
def test_the_reference_may_run_at_another_rate(rate: float) -> None:
    seconds = 5
    times = stamps(round(seconds * rate), rate=rate)
    wave = np.sin(2 * np.pi * 20 * times).astype(np.float32)
    path = opened(spec(), formats(eeg_rate=rate))
    path.push("EEG", np.stack([wave, -wave], axis=1), times, 0.0)
    path.push("GSR", signals(seconds)[1], stamps(round(seconds * RATE)), 0.0)
    window = path.finish()[2]
    assert window.valid
    slots = window.start + np.arange(128) / RATE
    np.testing.assert_allclose(window.data[0], np.sin(2 * np.pi * 20 * slots), atol=0.01)


def test_a_drifting_reference_carries_the_grid_with_it() -> None:
    """An amplifier 100 ppm fast: its samples keep their slots, and skin on a true clock follows in time."""
    seconds, ppm = 120, 100e-6
    samples = round(seconds * RATE)
    eeg_times = 100.0 + np.arange(samples) / (RATE * (1 + ppm))
    eeg = np.random.default_rng(1).normal(size=(samples, 2)).astype(np.float32)
    skin_times = stamps(samples)
    wave = np.sin(2 * np.pi * 3 * skin_times)[:, None].astype(np.float32)
    path = opened(spec())
    path.push("EEG", eeg, eeg_times, 0.0)
    path.push("GSR", wave, skin_times, 0.0)
    windows = path.finish()
    assert all(w.valid for w in windows)
    late = windows[110]
    np.testing.assert_array_equal(late.data[:2], eeg[110 * 128 : 111 * 128].T)
    slots = eeg_times[110 * 128 : 111 * 128]
    np.testing.assert_allclose(late.data[2], np.sin(2 * np.pi * 3 * slots), atol=0.01)


def test_rolling_baseline_is_the_mean_of_what_the_past_holds() -> None:
    wanted = spec(baseline_seconds=2.0)
    gsr = wanted.modalities[1].model_copy(update={"baseline": "rolling"})
    eeg_data, gsr_data = signals(4)
    windows = whole(wanted.model_copy(update={"modalities": (wanted.modalities[0], gsr)}), eeg_data, gsr_data)
    assert windows[0].reasons == ("baseline_warmup:GSR",)
    np.testing.assert_allclose(
        windows[1].data[2], gsr_data[128:256, 0] - gsr_data[:128].mean(), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        windows[3].data[2], gsr_data[384:512, 0] - gsr_data[128:384].mean(), rtol=1e-5, atol=1e-6
    )


def test_rolling_baseline_leaves_missing_slots_out() -> None:
    wanted = spec(baseline_seconds=2.0)
    gsr = wanted.modalities[1].model_copy(update={"baseline": "rolling"})
    wanted = wanted.model_copy(update={"modalities": (wanted.modalities[0], gsr)})
    eeg_data, gsr_data = signals(4)
    gsr_data[130:200] = np.nan
    windows = whole(wanted, eeg_data, gsr_data)
    assert windows[1].reasons == ("gap:GSR",)
    past = np.r_[gsr_data[:130, 0], gsr_data[200:256, 0]].astype(float)
    np.testing.assert_allclose(windows[2].data[2], gsr_data[256:384, 0] - past.mean(), rtol=1e-5, atol=1e-6)


def test_rest_baseline_is_the_papers_template() -> None:
    wanted = spec()
    eeg = wanted.modalities[0].model_copy(update={"baseline": "rest"})
    eeg_data, gsr_data = signals(6)
    path = opened(wanted.model_copy(update={"modalities": (eeg, wanted.modalities[1])}))
    path.push("EEG", eeg_data, stamps(768), 0.0)
    path.push("GSR", gsr_data, stamps(768), 0.0)
    path.mark(Marker(100.0, REST_START))
    path.mark(Marker(103.0, REST_END))
    windows = path.finish()
    assert [w.reasons for w in windows[:2]] == [("baseline_warmup:EEG",)] * 2
    template = eeg_data[:384].reshape(3, 128, 2).mean(axis=0)
    np.testing.assert_allclose(windows[4].data[:2], (eeg_data[512:640] - template).T, rtol=1e-4, atol=1e-6)


def test_rest_may_be_the_first_seconds_after_each_anchor() -> None:
    wanted = spec()
    eeg = wanted.modalities[0].model_copy(update={"baseline": "rest"})
    wanted = wanted.model_copy(update={"modalities": (eeg, wanted.modalities[1])})
    eeg_data, gsr_data = signals(12)
    path = opened(wanted, rest=3.0, anchor="marker")
    path.mark(Marker(100.0, ANCHOR))
    path.push("EEG", eeg_data, stamps(1536), 0.0)
    path.push("GSR", gsr_data, stamps(1536), 0.0)
    path.mark(Marker(106.0, ANCHOR))
    windows = path.finish()
    assert [w.index for w in windows if not w.valid] == [0, 1, 0, 1]  # the third window ends with the rest
    for start, window in ((0, windows[4]), (768, windows[10])):
        template = eeg_data[start : start + 384].reshape(3, 128, 2).mean(axis=0)
        expected = (eeg_data[start + 512 : start + 640] - template).T
        np.testing.assert_allclose(window.data[:2], expected, rtol=1e-4, atol=1e-6)


def test_a_filter_warms_up_after_the_start_and_after_a_long_gap_only() -> None:
    wanted = spec(reset_gap=0.5)
    eeg = wanted.modalities[0].model_copy(update={"conditioning": Conditioning(band=(4, 45))})
    wanted = wanted.model_copy(update={"modalities": (eeg, wanted.modalities[1])})
    eeg_data, gsr_data = signals(10)
    keep = np.ones(1280, dtype=bool)
    keep[300:310] = False  # short
    keep[800:900] = False  # long
    path = opened(wanted)
    path.push("EEG", eeg_data[keep], stamps(1280)[keep], 0.0)
    path.push("GSR", gsr_data, stamps(1280), 0.0)
    reasons = [w.reasons for w in path.finish()]
    assert reasons[0] == ("filter_warmup:EEG",)
    assert reasons[2] == ("gap:EEG",)
    assert reasons[3] == ()
    assert reasons[6] == ("gap:EEG",)
    assert "filter_warmup:EEG" in reasons[7]
    assert reasons[9] == ()


def test_running_adaptation_makes_two_amplifiers_alike() -> None:
    wanted = spec(adapt_warmup=2.0)
    gsr = wanted.modalities[1].model_copy(update={"adapt": "running", "unit": "arbitrary"})
    wanted = wanted.model_copy(update={"modalities": (wanted.modalities[0], gsr)})
    eeg_data, gsr_data = signals(8)
    ours = whole(wanted, eeg_data, gsr_data)
    theirs = whole(wanted, eeg_data, gsr_data * 37 + 1000)
    assert ours[0].reasons == ("adapt_warmup:GSR",)
    assert ours[5].valid
    np.testing.assert_allclose(ours[5].data[2], theirs[5].data[2], atol=1e-3)
    assert 0.7 < ours[5].data[2].std() < 1.3


def test_markers_are_seen_in_the_window_that_they_fall_in() -> None:
    eeg, gsr = signals(3)
    path = opened(spec())
    path.push("EEG", eeg, stamps(384), 0.0)
    path.push("GSR", gsr, stamps(384), 0.0)
    path.mark(Marker(101.5, "picture"))
    assert [[m.text for m in w.markers] for w in path.finish()] == [[], ["picture"], []]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (StreamFormat("amp", "EEG", ("Cz",), "uV", 128), "missing: Oz"),
        (StreamFormat("amp", "EEG", ("Cz", "Oz"), "furlong", 128), "expected EEG in uV, found 'furlong'"),
        (StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 0), "irregular"),
        (StreamFormat("amp", "EEG", ("Cz", "Oz"), "uV", 64), "expected at least 99 Hz"),
    ],
)
def test_a_stream_that_does_not_fit_is_refused_with_the_reason(found: StreamFormat, says: str) -> None:
    wanted = spec()
    eeg = wanted.modalities[0].model_copy(update={"conditioning": Conditioning(band=(4, 45))})
    path = SignalPath(wanted.model_copy(update={"modalities": (eeg, wanted.modalities[1])}))
    with pytest.raises(StreamError, match=says):
        path.open(found)


def test_volts_become_microvolts_and_channels_are_found_by_label() -> None:
    eeg, gsr = signals(1)
    path = SignalPath(spec())
    path.open(StreamFormat("amp", "EEG", ("EOG", "oz", "CZ"), "V", 128))
    path.open(formats()[1])
    volts = np.stack([np.zeros(128), eeg[:, 1] * 1e-6, eeg[:, 0] * 1e-6], axis=1).astype(np.float32)
    path.push("EEG", volts, stamps(128), 0.0)
    path.push("GSR", gsr, stamps(128), 0.0)
    np.testing.assert_allclose(path.finish()[0].data[:2], eeg.T, rtol=1e-5)


def test_memory_stays_bounded_over_a_long_session() -> None:
    path = opened(spec())
    rng = np.random.default_rng(0)
    sizes = []
    for second in range(200):
        eeg, gsr = rng.normal(size=(128, 2)).astype(np.float32), rng.normal(size=(128, 1)).astype(np.float32)
        path.push("EEG", eeg, stamps(128, 100.0 + second), 0.0)
        path.push("GSR", gsr, stamps(128, 100.0 + second), 0.0)
        path.advance(0.0)
        track = path.lanes["EEG"].intake.track
        assert track is not None
        sizes.append(sum(len(run.data) for run in track.runs))
    assert max(sizes[10:]) <= 3 * 128


@pytest.mark.parametrize("offset", [None, 1e6])
def test_samples_that_no_window_takes_do_not_pile_up(offset: float | None) -> None:
    """Without an anchor nothing is taken; under a clock a million seconds ahead skin waits for slots to come."""
    path = opened(spec(), anchor="marker" if offset is None else "first")
    rng = np.random.default_rng(0)
    for second in range(300):
        times = stamps(128, 100.0 + second)
        path.push("EEG", rng.normal(size=(128, 2)).astype(np.float32), times, times[-1])
        path.push("GSR", rng.normal(size=(128, 1)).astype(np.float32), times + (offset or 0.0), times[-1])
        windows = path.advance(times[-1] + 1)
    track = path.lanes["GSR"].intake.track
    assert track is not None
    assert sum(len(run.data) for run in track.runs) <= 120 * 128
    assert path.health["GSR"]["late"] == 180 * 128
    if offset is not None:
        assert windows[-1].reasons == ("missing:GSR",)
    else:
        path.mark(Marker(390.0, ANCHOR))
        assert all(window.valid for window in path.finish())


def test_stamps_of_a_clock_long_ago_do_not_bury_the_session_in_windows() -> None:
    path = opened(spec())
    eeg, gsr = signals(1)
    path.push("EEG", eeg, stamps(128, 5.0), 20_000.0)
    path.push("GSR", gsr, stamps(128, 5.0), 20_000.0)
    assert len(path.advance(20_000.0)) < 70
    assert path.skipped > 19_900
    assert path.due is not None
    assert abs(path.due - 20_000) < 2


def test_after_the_machine_slept_windows_go_on_where_the_streams_are() -> None:
    path = opened(spec())
    rng = np.random.default_rng(0)
    windows: list[Window] = []
    for second in [*range(5), *range(3605, 3610)]:
        times = stamps(128, 100.0 + second)
        eeg, gsr = rng.normal(size=(128, 2)).astype(np.float32), rng.normal(size=(128, 1)).astype(np.float32)
        path.push("EEG", eeg, times, times[-1])
        path.push("GSR", gsr, times, times[-1])
        windows += path.advance(times[-1] + 0.01)
    assert len(windows) < 80
    assert windows[-1].valid
    assert windows[-1].start == pytest.approx(3709.0, abs=0.01)
    np.testing.assert_array_equal(windows[-1].data[:2], eeg.T)


@pytest.mark.parametrize("error", [0.0, 1e-4, 5e-3])
@pytest.mark.parametrize("rate", [128.0, 256.0])
def test_windows_start_at_the_anchor_however_long_the_amplifier_ran_before(error: float, rate: float) -> None:
    samples = round(100 * rate)
    times = 100.0 + np.arange(samples) / (rate * (1 + error))
    anchor = 190.0
    path = opened(spec(), formats(eeg_rate=rate), anchor="marker")
    path.push("EEG", np.stack([times, times], axis=1).astype(np.float32), times, 0.0)
    path.push("GSR", np.zeros((12_800, 1), np.float32), stamps(12_800), 0.0)
    path.mark(Marker(anchor, ANCHOR))
    first = path.finish()[0]
    assert first.start == pytest.approx(anchor, abs=1 / 128)
    assert first.data[0, 0] == pytest.approx(anchor, abs=1 / 128 + 1e-3)  # the data are their own times


def test_adaptation_begins_anew_after_a_long_gap() -> None:
    wanted = spec(adapt_warmup=3.0)
    gsr = wanted.modalities[1].model_copy(update={"adapt": "running", "unit": "arbitrary"})
    eeg_data, gsr_data = signals(40)
    keep = np.r_[0 : 20 * 128, 30 * 128 : 40 * 128]
    path = opened(wanted.model_copy(update={"modalities": (wanted.modalities[0], gsr)}))
    path.push("EEG", eeg_data, stamps(5120), 0.0)
    path.push("GSR", gsr_data[keep], stamps(5120)[keep], 0.0)
    reasons = [window.reasons for window in path.finish()]
    assert reasons[30] == reasons[31] == ("adapt_warmup:GSR",)
    assert reasons[32] == ()


def test_a_stream_within_the_patience_changes_nothing_though_it_is_read_ahead() -> None:
    """At another rate a window needs samples past its end: the patience counts from the last of them."""
    rate, seconds = 256.0, 6
    times = stamps(round(seconds * rate), rate=rate)
    wave = (20 * np.sin(2 * np.pi * 30 * times)).astype(np.float32)
    eeg, skin = np.stack([wave, -wave], axis=1), signals(seconds)[1]

    def late(seconds_late: float) -> list[Window]:
        path = opened(spec(), formats(eeg_rate=rate), patience=0.5)
        windows: list[Window] = []
        sent = {"EEG": 0, "GSR": 0}
        for step in range(round(seconds * 100)):
            now = 100.0 + step / 100
            for name, data, at in (("EEG", eeg, times), ("GSR", skin, stamps(len(skin)))):
                came = slice(sent[name], int(np.searchsorted(at, now - seconds_late + 1e-9)))
                path.push(name, data[came], at[came], now)
                sent[name] = came.stop
            windows += path.advance(now)
        return windows

    on_time, delayed = late(0.0), late(0.48)
    assert len(delayed) >= 4
    for a, b in zip(delayed, on_time, strict=False):
        assert a.valid
        np.testing.assert_array_equal(a.data, b.data)


def test_an_anchor_in_the_future_does_not_stand_before_the_next_one() -> None:
    eeg, gsr = signals(10)
    path = opened(spec())
    path.push("EEG", eeg, stamps(1280), 0.0)
    path.push("GSR", gsr, stamps(1280), 0.0)
    path.mark(Marker(1.7e9, ANCHOR))
    path.mark(Marker(105.25, ANCHOR))
    assert (0, pytest.approx(105.25)) in [(w.index, w.start) for w in path.finish()]


def test_an_anchor_that_comes_late_gives_no_window_twice() -> None:
    eeg, gsr = signals(20)
    path, windows = opened(spec()), []
    for second in range(20):
        part = slice(128 * second, 128 * second + 128)
        path.push("EEG", eeg[part], stamps(2560)[part], 0.0)
        path.push("GSR", gsr[part], stamps(2560)[part], 0.0)
        if second == 12:
            path.mark(Marker(106.25, ANCHOR))
        windows += path.advance(101.0 + second)
    assert (np.diff([w.start for w in windows]) >= 0.999).all()
    assert windows[-1].start == pytest.approx(118.25)
    assert windows[-1].index == 12
    assert windows[-1].valid


def test_rest_by_duration_begins_anew_at_a_later_anchor() -> None:
    wanted = spec()
    eeg = wanted.modalities[0].model_copy(update={"baseline": "rest"})
    eeg_data, gsr_data = signals(14)
    path = opened(wanted.model_copy(update={"modalities": (eeg, wanted.modalities[1])}), rest=4.0)
    windows = []
    for part in (slice(0, 300), slice(300, 1792)):
        path.push("EEG", eeg_data[part], stamps(1792)[part], 0.0)
        path.push("GSR", gsr_data[part], stamps(1792)[part], 0.0)
        windows += path.advance(0.0)
        path.mark(Marker(103.0, ANCHOR))  # in the midst of the first rest
    windows += path.finish()
    assert [w.index for w in windows if w.valid] == [3, 4, 5, 6, 7, 8, 9, 10]


def test_a_rest_that_is_told_too_late_leaves_the_one_before_it() -> None:
    wanted = spec()
    eeg = wanted.modalities[0].model_copy(update={"baseline": "rest"})
    path = opened(wanted.model_copy(update={"modalities": (eeg, wanted.modalities[1])}), rest=2.0)
    eeg_data, gsr_data = signals(30)
    for part in (slice(0, 3200), slice(3200, 3840)):
        path.push("EEG", eeg_data[part], stamps(3840)[part], 0.0)
        path.push("GSR", gsr_data[part], stamps(3840)[part], 0.0)
        windows = path.advance(0.0)
        path.mark(Marker(105.0, REST_START))
        path.mark(Marker(108.0, REST_END))
    assert len(windows) == 5
    assert all(window.valid for window in windows)


def test_markers_that_no_window_sees_do_not_pile_up() -> None:
    path = opened(spec(), anchor="marker")
    for number in range(10_000):
        path.mark(Marker(1.7e9 + number, "tick"))
    assert len(path._markers) < 5000


def test_hours_without_a_sample_make_no_windows() -> None:
    """A stamp of another day in a recording once made a window of every second until then."""
    eeg, gsr = signals(5)
    path = opened(spec())
    times = np.concatenate([stamps(320), stamps(320, start=1e9)])
    path.push("EEG", eeg, times, 0.0)
    path.push("GSR", gsr, times, 0.0)
    windows = path.finish()
    assert len(windows) < 10
    assert windows[-1].start > 9e8
    assert path.skipped > 9e8
