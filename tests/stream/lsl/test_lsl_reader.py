"""What a reader delivers, from real outlets in this process."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pylsl
import pytest

from memhacl.stream.errors import StreamError
from memhacl.stream.lsl.connection import Connection
from memhacl.stream.lsl.finding import Wanted, find
from memhacl.stream.lsl.inlet import Chunk, MarkerEvent, Opened, StateChange, local_clock
from memhacl.stream.lsl.mailbox import Event
from memhacl.stream.lsl.outlet import MarkerOutlet, SignalOutlet
from memhacl.stream.signals import StreamFormat

FORMAT = StreamFormat("exact", "EEG", ("Fp1", "Cz", "O\u00e9"), "uV", 500.0, ("bandpass",))


def entered(state: str) -> Callable[[list[Event]], bool]:
    return lambda events: any(isinstance(event, StateChange) and event.state == state for event in events)


def test_samples_stamps_labels_and_markers_survive_exactly(listen: Callable[..., Any]) -> None:
    outlet, markers = SignalOutlet(FORMAT, source_id="a", simulated=True), MarkerOutlet("events", source_id="b")
    eeg, events = listen("EEG"), listen("Markers", "events")
    assert eeg.reader.wait_open(10.0).format == replace(FORMAT, kinds=("EEG",) * 3)
    assert events.reader.wait_open(10.0) is not None
    assert eeg.reader.snapshot().state == "connected"

    generator = np.random.default_rng(1)
    data = generator.standard_normal((1000, 3)).astype(np.float32)
    stamps = local_clock() - 5 + np.cumsum(generator.uniform(1e-4, 5e-3, 1000))
    for begin, end in ((0, 1), (1, 30), (30, 31), (31, 800), (800, 1000)):
        outlet.push(data[begin:end], stamps[begin:end])
    markers.push("memhacl:anchor", float(stamps[0]))
    markers.push('trial {"name":"\u00e9"}', float(stamps[500]))

    chunks = eeg.samples(1000)
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), data)
    np.testing.assert_array_equal(np.concatenate([chunk.stamps for chunk in chunks]), stamps)
    assert chunks[0].samples.dtype == np.float32
    opened = next(event for event in eeg.events if isinstance(event, Opened))
    assert opened.described.simulated
    assert eeg.events.index(opened) < eeg.events.index(chunks[0])
    came = events.until(lambda seen: sum(isinstance(e, MarkerEvent) for e in seen) == 2)
    found = [(event.time, event.text) for event in came if isinstance(event, MarkerEvent)]
    assert found == [(stamps[0], "memhacl:anchor"), (stamps[500], 'trial {"name":"\u00e9"}')]

    report = eeg.reader.snapshot()
    assert (report.state, report.samples, report.last_stamp) == ("streaming", 1000, stamps[-1])
    assert (report.restarts, report.dropped, report.absurd_clock) == (0, 0, False)
    assert report.rate == pytest.approx(999 / (stamps[-1] - stamps[0]), rel=0.05)
    assert abs(report.offset) < 1e-3


def test_foreign_streams_are_read_flagged_or_refused_with_a_reason(listen: Callable[..., Any]) -> None:
    integers = pylsl.StreamOutlet(pylsl.StreamInfo("foreign", "eda", 2, 50.0, "int16", ""))
    unix = SignalOutlet(StreamFormat("unix", "Resp", ("a",), "a.u.", 10.0), source_id="")
    words = pylsl.StreamOutlet(pylsl.StreamInfo("words", "Temp", 1, 0.0, "string", ""))
    skin, breath, warmth = listen("GSR"), listen("Resp"), listen("Temp")

    assert skin.reader.wait_open(10.0).format.channels == ("GSR1", "GSR2")
    integers.push_chunk([[1, -2], [3, 32767]], [100.0, 100.02])
    chunks = skin.samples(2)
    values = np.concatenate([chunk.samples for chunk in chunks])
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [[1, -2], [3, 32767]])

    assert breath.reader.wait_open(10.0)
    unix.push(np.zeros((1, 1), np.float32), np.array([time.time()]))
    breath.samples(1)
    assert breath.reader.snapshot().absurd_clock
    assert not skin.reader.snapshot().absurd_clock

    assert warmth.reader.wait_for("unusable", 10.0)
    detail = warmth.reader.snapshot().detail
    assert detail.startswith("'words'")
    assert "expected numbers, found a stream of texts" in detail
    del words


def test_two_streams_of_one_type_are_named_and_the_one_that_stays_is_read(listen: Callable[..., Any]) -> None:
    first, second = (
        SignalOutlet(StreamFormat(name, "EMG", ("a",), "uV", 100.0), source_id="") for name in ("left", "right")
    )
    muscle = listen("EMG")
    assert muscle.reader.wait_for("ambiguous", 10.0)
    detail = muscle.reader.snapshot().detail
    assert "'left'" in detail
    assert "'right'" in detail
    first.close()
    assert muscle.reader.wait_open(10.0).format.name == "right"
    second.push(np.ones((1, 1), np.float32), np.array([local_clock()]))
    muscle.samples(1)


def test_it_is_told_when_more_streams_become_possible(listen: Callable[..., Any]) -> None:
    outlets = [SignalOutlet(StreamFormat(name, "EMG", ("a",), "uV", 100.0), source_id="") for name in "ab"]
    muscle = listen("EMG")

    def named(count: int) -> Callable[[list[Event]], bool]:
        return lambda events: any(
            isinstance(event, StateChange) and f"found {count}:" in event.detail for event in events
        )

    muscle.until(named(2))
    outlets.append(SignalOutlet(StreamFormat("c", "EMG", ("a",), "uV", 100.0), source_id=""))
    muscle.until(named(3))
    for outlet in outlets:
        outlet.close()


def test_of_a_trigger_channel_only_changes_to_a_level_are_events(listen: Callable[..., Any]) -> None:
    trigger = pylsl.StreamOutlet(pylsl.StreamInfo("trigger", "Stim", 2, 1000.0, "float32", ""))
    codes = pylsl.StreamOutlet(pylsl.StreamInfo("codes", "Markers", 1, 0.0, "int32", ""))
    levels, events = listen("Markers", "trigger"), listen("Markers", "codes")
    assert levels.reader.wait_open(10.0)
    assert events.reader.wait_open(10.0)
    rows = [[7, 0], [7, 0], [0, 0], [5, 0], [5, float("nan")], [5, 2], [6, 2], [0, 2]]
    for start in (0, 4):  # a level that goes on in the next chunk is none that begins
        stamps = [100.0 + start + place for place in range(4)]
        trigger.push_chunk(rows[start : start + 4], stamps)
    for stamp, code in ((1.0, 3), (2.0, 3), (3.0, 0)):  # where nothing is sent between events, each is one
        codes.push_sample([code], stamp)

    def marks(listener: Any, count: int) -> list[tuple[float, str]]:
        came = listener.until(lambda seen: sum(isinstance(e, MarkerEvent) for e in seen) >= count)
        return [(event.time, event.text) for event in came if isinstance(event, MarkerEvent)]

    assert marks(levels, 3) == [(103.0, "5"), (105.0, "2"), (106.0, "6")]
    assert marks(events, 3) == [(1.0, "3"), (2.0, "3"), (3.0, "0")]


def test_a_slow_caller_loses_the_oldest_samples_and_sees_how_many(listen: Callable[..., Any]) -> None:
    outlet = SignalOutlet(StreamFormat("flood", "BVP", ("a",), "a.u.", 100.0), source_id="")
    pulse = listen("BVP")
    assert pulse.reader.wait_open(10.0)
    pulse.until(entered("connected"))
    pulse.reader.mailbox.capacity = 5
    for number in range(20):
        outlet.push(np.full((1, 1), number, np.float32), np.array([local_clock()]))
        time.sleep(0.01)
    deadline = time.monotonic() + 5
    while pulse.reader.snapshot().samples < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    kept = [event for event in pulse.reader.mailbox.drain(0.0) if isinstance(event, Chunk)]
    assert kept[-1].samples[-1, 0] == 19
    assert pulse.reader.snapshot().dropped > 0
    assert len(kept) <= 5


def test_an_outlet_that_has_gone_cannot_be_opened() -> None:
    outlet = SignalOutlet(StreamFormat("gone", "EOG", ("a",), "uV", 100.0), source_id="")
    candidate = find(Wanted("EOG"), 5.0)
    outlet.close()
    with pytest.raises(StreamError, match=r"'gone'.*cannot be opened within 0.5 s"):
        Connection(candidate, 0.5)
