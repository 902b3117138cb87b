"""What happens in laboratories, fault by fault: what windows say, and how long until they are right again.

The table in docs/signals.md is this file's; a window is right when it is valid and its EEG is the noise that was
sent at its time.
"""

from dataclasses import replace

import numpy as np
import pytest

from memhacl.stream.path.window import Window


def reasons(windows: list[Window]) -> list[str]:
    return [" ".join(window.reasons) for window in windows]


def settled(laboratory, seconds: float = 5.0, **options):
    """A laboratory in which all is well."""
    lab = laboratory(**options).open()
    lab.run(seconds)
    assert lab.windows[-1].valid, lab.windows[-1].reasons
    return lab


def back_in(lab, seconds: float, of: float | None = None) -> float:
    """Run ``seconds`` on; from when (s after ``of``, by default now) all windows' data are good again."""
    since = lab.now if of is None else of
    windows = lab.run(seconds)
    bad = [window for window in windows if not window.valid]
    assert windows[-1].valid, reasons(windows)
    return (bad[-1].end - since) if bad else 0.0


def test_lost_samples_cost_the_windows_that_they_are_missing_from(laboratory) -> None:
    lab = settled(laboratory)
    lab.streams["EEG"].mangle = lambda samples, stamps: (samples[1:], stamps[1:])
    lab.run(0.1)  # one sample of each five lost
    lab.streams["EEG"].mangle = None
    assert back_in(lab, 4) <= 1.0
    assert set(reasons(lab.windows[3:])) == {"", "gap:EEG"}
    assert lab.path.health["EEG"]["gaps"] >= 1


@pytest.mark.parametrize(("pause", "after"), [(0.5, 1.2), (5.0, 2.2)])
def test_a_burst_of_loss_is_a_gap_and_a_long_one_begins_filters_anew(laboratory, pause, after) -> None:
    lab = settled(laboratory)
    lab.streams["EEG"].on = False
    lab.run(pause)
    lab.streams["EEG"].on = True
    assert back_in(lab, 6) <= after
    said = set(" ".join(reasons(lab.windows[3:])).split())
    assert said <= {"gap:EEG", "missing:EEG", "filter_warmup:EEG", "baseline_warmup:EEG"}
    assert ("filter_warmup:EEG" in said) == (pause > 1)


def test_a_stalled_stream_holds_the_others_up_by_the_patience_and_no_more(laboratory) -> None:
    lab = settled(laboratory)
    lab.streams["GSR"].stalled = True
    for _ in range(150):
        for window in lab.run(0.02):
            assert lab.now - window.end <= 0.5 + 0.13 + 0.03  # patience, look-ahead, a step
    assert lab.windows[-1].reasons == ("missing:GSR",)
    lab.streams["GSR"].stalled = False
    assert back_in(lab, 4) <= 1.0
    assert lab.path.health["GSR"]["late"] > 32


def test_an_outlet_started_again_goes_on_where_it_is(laboratory) -> None:
    lab = settled(laboratory)
    lab.streams["EEG"].on = False
    lab.run(3.3)
    lab.reopen("EEG")
    assert back_in(lab, 5) <= 2.2


@pytest.mark.parametrize("rate", [128.0, 500.0, 1000.0])
def test_an_outlet_started_again_may_have_another_rate(laboratory, rate) -> None:
    lab = settled(laboratory)
    lab.streams["EEG"].on = False
    lab.run(2)
    lab.reopen("EEG", rate=rate)
    assert back_in(lab, 6) <= 2.2
    assert (np.diff([window.end for window in lab.windows]) > 0).all()


def test_an_outlet_started_again_may_have_its_channels_in_another_order(laboratory) -> None:
    lab = settled(laboratory)
    channels = lab.streams["EEG"].format.channels
    lab.streams["EEG"].on = False
    lab.run(1)
    lab.reopen("EEG", channels=channels[::-1])
    loud = np.zeros(len(channels))
    loud[0] = 1000  # Cz now comes first
    lab.streams["EEG"].mangle = lambda samples, stamps: (samples * (1 + loud), stamps)
    window = lab.run(6)[-1]
    assert window.valid
    assert window.data[:10].std(axis=1).argmax() == channels.index("Cz")


@pytest.mark.parametrize("modality", ["EEG", "GSR"], ids=["of the reference", "of another"])
@pytest.mark.parametrize("jump", [-20.0, -3600.0, 20.0, 1.7e9], ids=["back", "far back", "forward", "Unix time"])
def test_a_clock_that_jumps_costs_two_windows_at_most(laboratory, modality, jump) -> None:
    lab = settled(laboratory)
    stream = lab.streams[modality]
    stream.clock = jump
    assert back_in(lab, 4) <= 2.0
    health = lab.path.health[modality]
    assert health["clock_shift"] == pytest.approx(-jump, abs=0.05)
    assert health["clock_jumps"] == 1
    assert any("placed by arrival" in text for text in lab.path.assumed)
    stream.clock = 0.0
    assert back_in(lab, 4) <= 2.0
    assert lab.path.assumed == ()


@pytest.mark.parametrize("jump", [-0.3, 0.3, -20.0, 20.0])
def test_no_valid_window_holds_the_time_of_a_clock_that_jumped(laboratory, jump) -> None:
    lab = settled(laboratory)
    lab.streams["GSR"].ramp = True
    lab.run(2)
    lab.streams["GSR"].clock = jump
    for window in lab.run(8):
        if window.valid:
            expected = window.start - 1000 + np.arange(128) / 128
            np.testing.assert_allclose(window.data[10], expected, atol=0.02)
    assert lab.windows[-1].valid


@pytest.mark.parametrize("modality", ["EEG", "GSR"])
def test_a_machine_that_stamps_in_unix_time_is_placed_by_arrival(laboratory, modality) -> None:
    lab = laboratory()
    lab.streams[modality].clock = 1.7e9
    lab.streams["EEG"].ramp = lab.streams["GSR"].ramp = True
    lab.open()
    window = lab.run(6)[-1]
    assert window.reasons in ((), ("dead:EEG",))  # a ramp is no EEG, and taken out by the filter
    assert window.data[10, -1] == pytest.approx(window.end - 1000.0, abs=0.08)  # a sample and its delay
    assert abs(window.end - lab.now) < 1.5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_dead_electrode_is_interpolated_and_said(laboratory, bad) -> None:
    lab = settled(laboratory)

    def mangle(samples, stamps):
        samples[:, 3] = bad
        return samples, stamps

    lab.streams["EEG"].mangle = mangle
    windows = lab.run(4)
    assert all(window.valid for window in windows)
    assert windows[-1].quality["EEG"]["interpolated"] == pytest.approx(0.1)
    assert windows[-1].quality["EEG"]["score"] < 1
    assert np.isfinite(windows[-1].data).all()


@pytest.mark.parametrize("value", [0.0, 187_500.0], ids=["constant", "railed"])
def test_a_channel_that_does_nothing_is_interpolated_after_a_window(laboratory, value) -> None:
    lab = settled(laboratory)

    def mangle(samples, stamps):
        samples[:, 3] = value
        return samples, stamps

    lab.streams["EEG"].mangle = mangle
    windows = lab.run(5)
    assert windows[-1].valid
    assert windows[-1].quality["EEG"]["interpolated"] == pytest.approx(0.1)
    assert windows[-1].data[3].std() > 0.3  # as lively as its neighbours, where it was flat
    lab.streams["EEG"].mangle = None
    assert lab.run(4)[-1].quality["EEG"]["interpolated"] == 0


def test_more_dead_electrodes_than_may_be_interpolated_make_windows_invalid(laboratory) -> None:
    lab = settled(laboratory)

    def mangle(samples, stamps):
        samples[:, :3] = 0.0
        return samples, stamps

    lab.streams["EEG"].mangle = mangle
    assert lab.run(4)[-1].reasons == ("dead:EEG",)
    lab.streams["EEG"].mangle = None
    assert back_in(lab, 6) <= 2.1


@pytest.mark.parametrize("order", ["chunk by chunk", "sample by sample"])
def test_a_stream_that_sends_everything_twice_is_not_believed(laboratory, order) -> None:
    lab = settled(laboratory)

    def mangle(samples, stamps):
        rows = np.arange(len(stamps))
        rows = np.tile(rows, 2) if order == "chunk by chunk" else rows.repeat(2)
        return samples[rows], stamps[rows]

    lab.streams["GSR"].mangle = mangle
    assert not any(window.valid for window in lab.run(6)[1:])
    lab.streams["GSR"].mangle = None
    assert back_in(lab, 9) <= 6.0


def test_a_modality_absent_from_the_start_is_missing_until_it_comes(laboratory) -> None:
    lab = laboratory().open("EEG")
    lab.streams["GSR"].on = False
    lab.run(5)
    assert set(reasons(lab.windows[3:])) == {"missing:GSR"}
    lab.reopen("GSR")
    assert back_in(lab, 4) <= 1.2


def test_the_reference_absent_from_the_start_does_not_stop_the_others(laboratory) -> None:
    lab = laboratory().open("GSR")
    lab.streams["EEG"].on = False
    lab.run(5)
    assert {window.reasons[0] for window in lab.windows} == {"missing:EEG"}
    lab.reopen("EEG")
    assert back_in(lab, 6) <= 3.2
    assert (np.diff([window.end for window in lab.windows]) > 0.9).all()


@pytest.mark.parametrize("modality", ["EEG", "GSR"], ids=["the reference", "another"])
def test_a_modality_lost_in_mid_session_comes_back_at_the_right_time(laboratory, modality) -> None:
    lab = settled(laboratory)
    lab.streams[modality].on = False
    lab.run(60)
    assert lab.windows[-1].reasons[0] == f"missing:{modality}"
    lab.reopen(modality)
    lab.streams["GSR"].ramp = True
    assert back_in(lab, 8) <= 3.2
    window = lab.windows[-1]
    np.testing.assert_allclose(window.data[10], window.start - 1000 + np.arange(128) / 128, atol=5e-3)


def test_all_streams_lost_and_back(laboratory) -> None:
    lab = settled(laboratory)
    for stream in lab.streams.values():
        stream.on = False
    lab.run(10)
    assert {"missing:EEG", "missing:GSR"} <= set(lab.windows[-1].reasons)
    for modality in lab.streams:
        lab.reopen(modality)
    assert back_in(lab, 8) <= 3.2


@pytest.mark.parametrize("modality", ["EEG", "GSR"], ids=["of the reference", "of another"])
def test_a_rate_far_from_the_nominal_one_is_measured_and_said(laboratory, modality) -> None:
    """A sender that sleeps between samples says 256 Hz and sends 238 Hz, with a pause now and then."""
    lab = laboratory()
    stream = lab.streams[modality]
    lab.path.open(stream.format)
    stream.format = replace(stream.format, rate=0.93 * stream.format.rate)
    lab.open(*(name for name in lab.streams if name != modality))
    lab.streams["GSR"].ramp = True
    rng = np.random.default_rng(0)
    stream.mangle = lambda samples, stamps: (samples, stamps + rng.uniform(0, 0.002, len(stamps)))
    windows = lab.run(25)
    assert all(window.valid for window in windows[12:])
    (said,) = lab.path.assumed
    assert float(said.split("sends ")[1].split()[0]) == pytest.approx(stream.format.rate, rel=1e-3)
    window = windows[-1]
    assert window.end - window.start == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(window.data[10], window.start - 1000 + np.arange(128) / 128, atol=4e-3)
