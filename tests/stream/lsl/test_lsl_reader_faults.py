"""Readers whose sources die, freeze and come back: real outlets in processes of their own."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from memhacl.stream.lsl.inlet import Chunk, Timing, local_clock
from memhacl.stream.lsl.outlet import MarkerOutlet, SignalOutlet
from memhacl.stream.signals import StreamFormat

QUICK = Timing(stall=0.5, reopen=1.0, quiet=0.5, connect=1.0)


def numbers(chunks: list[Chunk]) -> Any:
    return np.concatenate([chunk.samples[:, 0] for chunk in chunks])


def test_killed_and_restarted_sources_are_read_again_with_and_without_a_source_id(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    names = {"with-id": "serial-7", "without-id": ""}
    first = {name: source(name, source_id) for name, source_id in names.items()}
    listeners = {name: listen("EEG", name) for name in names}
    for name, listener in listeners.items():
        listener.samples(20)
        first[name].end()
        assert listener.reader.wait_for("lost", 2.0)
    for name, source_id in names.items():
        source(name, source_id)
    start = time.monotonic()
    for listener in listeners.values():
        before = sum(isinstance(event, Chunk) for event in listener.events)
        listener.samples(30)
        assert time.monotonic() - start < 5.0
        again = listener.samples(20)[before:]
        assert (np.diff(numbers(again)[-20:]) == 1).all()
        assert listener.reader.snapshot().state == "streaming"
        assert listener.reader.snapshot().restarts == 1


def test_a_frozen_source_stalls_recovers_and_cannot_hold_up_the_end(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    frozen = source("frozen", "serial-8")
    eeg = listen("EEG", "frozen", QUICK)
    eeg.samples(20)
    frozen.freeze()
    assert eeg.reader.wait_for("stalled", 3.0)
    assert "'frozen'" in eeg.reader.snapshot().detail
    time.sleep(1.5)  # beyond the time for reopening: it must not give up a source that does not answer
    frozen.thaw()
    eeg.samples(20)
    assert eeg.reader.snapshot().state == "streaming"
    assert eeg.reader.snapshot().restarts == 0
    frozen.freeze()
    assert eeg.reader.wait_for("stalled", 3.0)
    start = time.monotonic()
    assert eeg.reader.stop()
    assert time.monotonic() - start < 1.0
    assert eeg.reader.snapshot().state == "stopped"


def test_another_outlet_takes_over_from_a_frozen_one(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    frozen = source("doubled", "")
    eeg = listen("EEG", "doubled", QUICK)
    eeg.samples(20)
    frozen.freeze()
    assert eeg.reader.wait_for("stalled", 3.0)
    source("doubled", "")
    eeg.samples(20)
    assert eeg.reader.snapshot().restarts == 1


def test_a_silent_source_that_still_answers_is_opened_anew_without_loss(listen: Callable[..., Any]) -> None:
    outlet = SignalOutlet(StreamFormat("idle", "ECG", ("a",), "mV", 100.0), source_id="")
    heart = listen("ECG", "idle", QUICK)
    assert heart.reader.wait_open(10.0)
    outlet.push(np.zeros((1, 1), np.float32), np.array([local_clock()]))
    assert heart.reader.wait_for("stalled", 3.0)
    assert heart.reader.wait_for("connecting", 5.0)
    for number in range(1, 101):  # it speaks again just while it is opened anew
        outlet.push(np.full((1, 1), number, np.float32), np.array([local_clock()]))
        time.sleep(0.01)
    np.testing.assert_array_equal(numbers(heart.samples(100)), np.arange(101))
    assert heart.reader.snapshot().restarts == 1
    assert heart.reader.wait_for("stalled", 3.0)
    assert heart.reader.wait_for("connected", 5.0)
    time.sleep(2.0)  # it has nothing to say: no opening again and again
    assert heart.reader.snapshot().restarts == 2


def test_silent_markers_are_no_fault_and_a_restarted_marker_stream_is_followed(listen: Callable[..., Any]) -> None:
    first = MarkerOutlet("quiet", source_id="")
    events = listen("Markers", "quiet", QUICK)
    assert events.reader.wait_open(10.0)
    time.sleep(2.0)  # a look or two at the network
    assert events.reader.snapshot().state == "connected"
    assert events.reader.snapshot().restarts == 0
    first.close()
    assert events.reader.wait_for("lost", 2.0)
    second = MarkerOutlet("quiet", source_id="")
    assert events.reader.wait_for("connected", 10.0)
    second.push("here", 1.0)
    events.until(lambda seen: any(getattr(event, "text", "") == "here" for event in seen))
