"""What holds of the windows whatever the streams do: chunks, order of arrival, gaps, clocks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memhacl.stream.path.path import SignalPath
from memhacl.stream.path.window import Window
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec

PATIENCE = 0.5
RATES = {"EEG": 128.0, "GSR": 50.0, "Temp": 0.0}
CHANNELS = {"EEG": ("Cz", "Oz"), "GSR": ("GSR",), "Temp": ("T",)}
UNITS = {"EEG": "uV", "GSR": "uS", "Temp": "degC"}
Streams = dict[str, tuple[np.ndarray, np.ndarray]]  # modality -> samples, stamps


def spec(baseline: str = "rolling") -> SignalSpec:
    band = Conditioning(band=(4, 45), reference="average")
    modalities = [
        ModalitySpec(modality=name, channels=CHANNELS[name], unit=UNITS[name], baseline=baseline) for name in RATES
    ]
    modalities[0] = modalities[0].model_copy(update={"conditioning": band})
    modalities[1] = modalities[1].model_copy(update={"adapt": "running"})
    return SignalSpec(modalities=tuple(modalities), hop=0.5, baseline_seconds=1.0, adapt_warmup=1.0)


def opened() -> SignalPath:
    path = SignalPath(spec(), patience=PATIENCE)
    for name, rate in RATES.items():
        path.open(StreamFormat(name, name, CHANNELS[name], UNITS[name], rate))
    return path


def recorded(seconds: float, seed: int, jitter: float = 2e-3, lost: list[tuple[float, float]] = ()) -> Streams:
    """Noise on all streams, jittered, some backward, without what lies in ``lost`` (from, length; s)."""
    rng = np.random.default_rng(seed)
    streams = {}
    for name, rate in RATES.items():
        times = 100 + (np.arange(int(seconds * rate)) / rate if rate else np.cumsum(rng.uniform(0.05, 0.5, 40)))
        keep = (
            np.all([(times < at) | (times >= at + length) for at, length in lost], axis=0) if lost else slice(None)
        )
        times = times[keep]
        stamps = times + rng.uniform(-jitter, jitter, len(times)) - 0.02 * (rng.random(len(times)) < 0.04)
        streams[name] = rng.normal(size=(len(times), len(CHANNELS[name]))).astype(np.float32), stamps
    return streams


def at_once(streams: Streams) -> list[Window]:
    path = opened()
    for name, (samples, stamps) in streams.items():
        path.push(name, samples, stamps, 0.0)
    return path.finish()


def same(ours: list[Window], theirs: list[Window]) -> None:
    assert [w.reasons for w in ours] == [w.reasons for w in theirs]
    for a, b in zip(ours, theirs, strict=True):
        assert (a.start, a.end) == (b.start, b.end)
        np.testing.assert_array_equal(a.data, b.data)
        assert a.quality == b.quality


gaps = st.lists(st.tuples(st.floats(100, 106), st.floats(0.02, 2.5)), max_size=3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 20), chop=st.integers(0, 10_000), longest=st.sampled_from([3, 40, 400]), lost=gaps)
def test_any_chunking_and_interleaving_gives_the_same_windows(
    seed: int, chop: int, longest: int, lost: list
) -> None:
    rng = np.random.default_rng(chop)
    streams = recorded(6, seed, lost=lost)
    path, got = opened(), []
    path.patience = np.inf
    at = dict.fromkeys(streams, 0)
    while waiting := [name for name in streams if at[name] < len(streams[name][1])]:
        name = str(rng.choice(waiting))
        samples, stamps = streams[name]
        part = slice(at[name], at[name] + int(rng.integers(1, longest + 1)))
        path.push(name, samples[part], stamps[part], 0.0)
        at[name] = part.stop
        got += path.advance(0.0)
    same(got + path.finish(), at_once(streams))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 20), delays=st.lists(st.floats(0, 0.3), min_size=6, max_size=30))
def test_any_delay_within_the_patience_gives_the_same_windows(seed: int, delays: list[float]) -> None:
    """Chunks of 50 ms come late by what is drawn, in order within their stream but not among streams."""
    streams = recorded(6, seed)
    path, got = opened(), []
    sent = dict.fromkeys(streams, 0)
    for step in range(int(8 / 0.05)):
        now = 100 + step * 0.05
        for place, (name, (samples, stamps)) in enumerate(streams.items()):
            late = delays[(step + 7 * place) % len(delays)]
            due = int(np.searchsorted(np.maximum.accumulate(stamps), now - late))
            if due > sent[name]:
                path.push(name, samples[sent[name] : due], stamps[sent[name] : due], now)
                sent[name] = due
        got += path.advance(now)
    same(
        [window for window in got if window.end < 105],  # later ones wait for what never comes
        [window for window in at_once(streams) if window.end < 105],
    )
    assert not any(health["late"] for health in path.health.values())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 20), lost=gaps)
def test_no_window_overlaps_a_gap_unmarked(seed: int, lost: list) -> None:
    streams = recorded(8, seed, jitter=5e-4, lost=lost)
    for window in at_once(streams):
        for name, rate in RATES.items():
            if f"gap:{name}" in window.reasons or f"missing:{name}" in window.reasons:
                continue
            longest = 1 / rate if rate else 2.0
            inside = np.sort(streams[name][1])
            inside = inside[(inside > window.start) & (inside < window.end)]
            bounds = np.concatenate([[window.start], inside, [window.end]])
            assert np.diff(bounds).max() < longest * 1.5 + 0.025, (name, window.start, window.reasons)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 20),
    lost=gaps,
    jumps=st.lists(
        st.tuples(st.sampled_from(sorted(RATES)), st.floats(0, 1), st.floats(-30, 30)), min_size=1, max_size=4
    ),
    arrivals=st.booleans(),
)
def test_time_strictly_increases_whatever_the_clocks_do(seed, lost, jumps, arrivals) -> None:
    streams = recorded(8, seed, lost=lost)
    path = SignalPath(spec(), patience=PATIENCE, arrivals=arrivals)
    for name, rate in RATES.items():
        path.open(StreamFormat(name, name, CHANNELS[name], UNITS[name], rate))
    arrived = {name: np.maximum.accumulate(stamps) + 0.01 for name, (_, stamps) in streams.items()}
    for name, share, jump in jumps:
        streams[name][1][int(share * len(streams[name][1])) :] += jump
    windows: list[Window] = []
    sent = dict.fromkeys(streams, 0)
    for now in np.arange(100, 112, 0.1):
        for name, (samples, stamps) in streams.items():
            due = int(np.searchsorted(arrived[name], now))
            path.push(name, samples[sent[name] : due], stamps[sent[name] : due], now)
            sent[name] = due
        windows += path.advance(now)
    windows += path.finish()
    assert windows or not arrivals  # believed, a stamp far ahead makes all that follow stale
    assert (np.diff([window.start for window in windows]) > 0).all()
    assert all(window.end > window.start for window in windows)
    assert [window.index for window in windows] == sorted({window.index for window in windows})
