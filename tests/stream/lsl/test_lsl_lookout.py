"""One look at the network for many readers: real outlets, many threads."""

import threading
import time

from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.inlet import Mailbox, Reader, Wanted, stop_all
from memhacl.stream.lsl.lookout import Lookout, Sight
from memhacl.stream.lsl.outlet import SignalOutlet
from memhacl.stream.signals import StreamFormat


def looks() -> int:
    return sum(thread.name == "lsl-lookout" for thread in threading.enumerate())


def test_who_asks_together_shares_a_look_and_nobody_gets_an_old_one() -> None:
    lookout, start, sights = Lookout(), local_clock(), list[Sight | None]()
    askers = [threading.Thread(target=lambda: sights.append(lookout.ask(start - 1, 5.0))) for _ in range(50)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    first = sights[0]
    assert first is not None
    assert all(sight is first for sight in sights)
    assert lookout.ask(start - 1) is first
    assert lookout.ask(local_clock()) is None  # one that begins from now on has yet to end
    later = lookout.ask(local_clock(), 5.0)
    assert later is not None
    assert later.begun > first.begun


def test_a_hundred_searching_readers_look_two_at_a_time_and_streaming_ones_not_at_all() -> None:
    outlet = SignalOutlet(StreamFormat("found", "EEG", ("a",), "uV", 100.0), source_id="")
    readers = [Reader(f"r{n}", Wanted("Temp", name=f"absent-{n}"), Mailbox()) for n in range(100)]
    eeg = Reader("EEG", Wanted("EEG", name="found"), Mailbox())
    for reader in (*readers, eeg):
        reader.start()
    most, end = 0, time.monotonic() + 3
    while time.monotonic() < end:
        most = max(most, looks())
        time.sleep(0.02)
    assert 1 <= most <= 3
    assert eeg.wait_open(5.0) is not None
    assert {reader.snapshot().state for reader in readers} == {"searching"}
    assert stop_all(readers)
    time.sleep(1.5)  # a look that has begun ends
    assert looks() == 0
    assert eeg.snapshot().state == "connected"
    assert stop_all([eeg])
    outlet.close()
