"""A player's streams as readers on LSL get them."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from memhacl.stream.lsl.inlet import MarkerEvent, local_clock
from memhacl.stream.lsl.replay import Player, Position
from memhacl.stream.lsl.selection import select
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat, Trial

RATES = {"EEG": 128.0, "GSR": 100.0, "Resp": 100.0, "Temp": 4.0}
CHANNELS = {"EEG": ("Fp1", "Cz"), "GSR": ("GSR",), "Resp": ("Resp",), "Temp": ("Temp",)}


def segment(start: float, seconds: float, trial: Trial) -> Segment:
    """Return signals whose first channel numbers the samples."""
    signals = []
    for modality, rate in RATES.items():
        count = np.arange(round(seconds * rate), dtype=np.float32) + np.float32(1000 * start)
        data = np.stack([count] + [-count] * (len(CHANNELS[modality]) - 1), axis=1)
        signals.append(Signal(StreamFormat("x", modality, CHANNELS[modality], "uV", rate), data, start))
    return Segment(tuple(signals), (trial,))


RECORDING = Recording(
    "s01",
    "memory",
    (
        segment(0.0, 1.0, Trial("a", 0.0, 0.25, 1.0, {"valence": 8.0})),
        segment(2.5, 0.5, Trial("b", 2.5, 2.5, 3.0)),
    ),
    simulated=True,
)


@pytest.fixture
def playing() -> Iterator[Callable[..., tuple[Player, "deque[Position]"]]]:
    players: list[tuple[Player, threading.Thread]] = []

    def start(speed: float = 1.0, loop: bool = False) -> tuple[Player, "deque[Position]"]:
        player = Player(RECORDING, select(RECORDING, tuple(RATES)), speed=speed, gap=1.0)
        positions: deque[Position] = deque()

        def play() -> None:
            player.wait(20.0)
            positions.extend(player.play(loop))

        thread = threading.Thread(target=play)
        thread.start()
        players.append((player, thread))
        return player, positions

    yield start
    for player, thread in players:
        player.stop()
        thread.join()
        player.close()


def test_all_samples_from_the_first_on_arrive_with_exact_stamps_in_time(
    playing: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    playing()
    readers = {modality: listen(modality, f"memhacl-{modality}") for modality in RATES}
    markers = listen("Markers", "memhacl-markers")
    for modality, reader in readers.items():
        described = reader.reader.wait_open(10.0)
        assert described.simulated
        assert (described.format.rate, described.format.channels) == (RATES[modality], CHANNELS[modality])
    events = markers.until(lambda seen: sum(isinstance(e, MarkerEvent) for e in seen) == 8)
    texts = [event for event in events if isinstance(event, MarkerEvent)]
    base = texts[0].time
    assert [(round(event.time - base, 6), event.text.split(" ")[0]) for event in texts] == [
        (0.0, "memhacl:anchor"),
        (0.0, "memhacl:rest_start"),
        (0.25, "memhacl:rest_end"),
        (0.25, "memhacl:trial_start"),
        (1.0, "memhacl:trial_end"),
        (2.0, "memhacl:anchor"),
        (2.0, "memhacl:trial_start"),
        (2.5, "memhacl:trial_end"),
    ]
    for modality, rate in RATES.items():
        chunks = readers[modality].samples(round(1.5 * rate), timeout=5.0)
        recorded = [signal for part in RECORDING.segments for signal in part.signals]
        expected = np.concatenate([signal.data for signal in recorded if signal.format.modality == modality])
        np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), expected)
        stamps = np.concatenate([chunk.stamps for chunk in chunks]) - base
        times = [np.arange(round(rate)) / rate, 2.0 + np.arange(round(rate / 2)) / rate]
        np.testing.assert_allclose(stamps, np.concatenate(times), atol=1e-9)
        delays = np.array([chunk.arrived - chunk.stamps[-1] for chunk in chunks])
        assert delays.min() >= 0  # nothing is stamped into the future
        assert np.median(delays) < 0.02


def test_slower_play_declares_the_lower_rate_and_stretches_the_stamps(
    playing: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    playing(speed=0.5)
    eeg = listen("EEG", "memhacl-EEG")  # alone: the player goes on without readers of the others
    assert eeg.reader.wait_open(10.0).format.rate == 64.0
    stamps = np.concatenate([chunk.stamps for chunk in eeg.samples(60)])
    np.testing.assert_allclose(np.diff(stamps), 1 / 64, atol=1e-9)


def test_a_loop_goes_round_and_ends_at_once_when_told(playing: Callable[..., Any]) -> None:
    player, positions = playing(loop=True)
    player.stop()  # before anybody reads: the waiting ends
    again = Player(RECORDING, select(RECORDING, ("Temp",), frozenset({2})), gap=1.0)
    rounds = []
    for position in again.play(loop=True):
        rounds.append((position.round, position.number))
        if position.round == 2:
            start = local_clock()
            again.stop()
    assert local_clock() - start < 0.5
    again.close()
    assert {(1, 2), (2, None)} <= set(rounds)
    assert not positions


def test_without_readers_waiting_ends_at_its_limit() -> None:
    player = Player(RECORDING, select(RECORDING, ("Temp",)))
    start = time.monotonic()
    assert player.wait(0.2) == set()
    assert 0.15 < time.monotonic() - start < 1.0
    player.close()
