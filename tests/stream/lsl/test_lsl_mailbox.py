import threading
import time

import numpy as np

from memhacl.stream.lsl.mailbox import Chunk, Mailbox, MarkerEvent, StateChange


def chunk(stream: str, number: int) -> Chunk:
    return Chunk(stream, np.full((1, 1), number, np.float32), np.zeros(1), 0.0)


def test_events_come_in_order_and_once() -> None:
    box = Mailbox()
    marker = MarkerEvent("m", 1.0, "a", 1.0)
    box.put(marker)
    box.put(chunk("EEG", 7))
    first, second = box.drain(0.0)
    assert first is marker
    assert isinstance(second, Chunk)
    assert second.samples[0, 0] == 7
    assert box.drain(0.0) == []


def test_a_full_mailbox_drops_the_oldest_chunks_and_counts_them() -> None:
    box = Mailbox(capacity=3)
    marker, lost = MarkerEvent("m", 1.0, "a", 1.0), StateChange("EEG", "lost", "", 1.0)
    box.put(marker)
    box.put(chunk("EEG", 0))
    box.put(lost)
    for number in range(1, 5):
        box.put(chunk("EEG", number))
    events = box.drain(0.0)
    assert events[:2] == [marker, lost]
    assert isinstance(events[2], Chunk)
    assert events[2].samples[0, 0] == 4
    assert len(events) == 3
    assert box.dropped == {"EEG": 4}


def test_many_markers_do_not_grow_without_bound_either() -> None:
    box = Mailbox(capacity=2)
    for number in range(5):
        box.put(MarkerEvent("m", float(number), str(number), 0.0))
    assert [event.text for event in box.drain(0.0) if isinstance(event, MarkerEvent)] == ["3", "4"]
    assert box.dropped == {"m": 3}


def test_draining_wakes_at_the_first_event_and_otherwise_gives_up() -> None:
    box = Mailbox()
    start = time.monotonic()
    assert box.drain(0.05) == []
    assert 0.04 < time.monotonic() - start < 1.0
    timer = threading.Timer(0.1, box.put, [chunk("EEG", 1)])
    timer.start()
    start = time.monotonic()
    assert len(box.drain(5.0)) == 1
    assert time.monotonic() - start < 2.0
    timer.join()
