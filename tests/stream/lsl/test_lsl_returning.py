"""Sources that come late, twice, changed, or with another clock: real outlets in processes of their own."""

import subprocess
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from memhacl.stream.lsl.inlet import Chunk, Opened, StateChange, Timing, local_clock

QUICK = Timing(stall=0.5, reopen=1.0, quiet=0.5, connect=1.0)


def other_clocks() -> bool:
    command = ["unshare", "--time", "--monotonic", "1", "true"]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def lateness(chunks: list[Chunk]) -> Any:
    """Seconds from stamp to arrival of each chunk's last sample."""
    return np.array([chunk.arrived - chunk.stamps[-1] for chunk in chunks])


def test_a_stream_that_comes_late_is_read_from_then_on(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    eeg = listen("EEG", "late")
    assert eeg.reader.wait_for("searching", 5.0)
    time.sleep(2.5)  # several looks at the network
    source("late", "")
    came = time.monotonic()
    eeg.samples(10)
    assert time.monotonic() - came < 4.0
    eeg.until(lambda events: isinstance(events[-1], Chunk))  # after the state, which follows the first chunk
    assert [e.state for e in eeg.events if isinstance(e, StateChange)] == [
        "searching", "connecting", "connected", "streaming",
    ]  # fmt: skip


def test_a_twin_in_mid_session_changes_nothing_and_takes_over_at_the_end(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    first = source("twin", "serial-1")
    eeg = listen("EEG", "twin", QUICK)
    eeg.samples(20)
    source("twin", "serial-1")
    before = eeg.samples(300)
    values = np.concatenate([chunk.samples[:, 0] for chunk in before])
    assert (np.diff(values) == 1).all()  # no sample twice, none of the twin's
    assert eeg.reader.snapshot().restarts == 0
    first.end()
    eeg.samples(20)
    assert eeg.reader.snapshot().restarts == 1


def test_twins_at_the_start_are_an_ambiguity_that_names_both(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    source("pair", "serial-2")
    source("pair", "serial-2")
    eeg = listen("EEG", "pair")
    assert eeg.reader.wait_for("ambiguous", 10.0)
    detail = eeg.reader.snapshot().detail
    assert "found 2: 'pair'" in detail
    assert detail.count("source_id 'serial-2', uid") == 2


def test_another_persons_amplifier_on_the_same_host_is_left_alone(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    """Once a lost stream was followed to any other of its name on its host, whatever source that one named."""
    anna = source("amp", "anna-1")
    source("amp", "berta-1")
    eeg = listen("EEG", source_id="anna-*")
    eeg.samples(20)
    anna.end()
    assert eeg.reader.wait_for("lost", 2.0)
    time.sleep(2.5)
    assert eeg.reader.snapshot().state == "lost"
    source("amp", "anna-2")  # a new source each time, as some programs name them
    eeg.samples(20)
    assert eeg.reader.snapshot().restarts == 1


def test_renamed_channels_and_a_changed_rate_are_told_before_their_samples(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    first = source("changed", "serial-3", labels="Fp1,Cz", rate=100.0)
    eeg = listen("EEG", "changed")
    eeg.samples(20)
    first.end()
    assert eeg.reader.wait_for("lost", 2.0)
    source("changed", "serial-3", labels="Fp1,Cz,Oz", rate=50.0)
    eeg.until(lambda events: sum(isinstance(event, Opened) for event in events) == 2)
    eeg.samples(60)  # the first chunk holds what came while it was connected: one is too few for a rate
    opened = [event for event in eeg.events if isinstance(event, Opened)]
    assert [(o.described.format.channels, o.described.format.rate) for o in opened] == [
        (("Fp1", "Cz"), 100.0),
        (("Fp1", "Cz", "Oz"), 50.0),
    ]
    place = eeg.events.index(opened[1])
    widths = [[c.samples.shape[1] for c in part if isinstance(c, Chunk)] for part in (
        eeg.events[:place], eeg.events[place:],
    )]  # fmt: skip
    assert set(widths[0]) == {2}
    assert set(widths[1]) == {3}
    assert eeg.reader.snapshot().rate == pytest.approx(50, rel=0.3)


def test_unix_time_stamps_come_as_they_are_and_are_flagged(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    source("unix", "", unix=True)
    eeg = listen("EEG", "unix")
    chunks = eeg.samples(20)
    assert abs(chunks[-1].stamps[-1] - time.time()) < 5
    assert abs(chunks[-1].arrived - local_clock()) < 5
    assert eeg.reader.snapshot().absurd_clock


@pytest.mark.skipif(not other_clocks(), reason="this system gives no process a clock of its own")
def test_a_sender_with_another_clock_and_its_reboot_are_on_the_local_clock_at_once(
    source: Callable[..., Any], listen: Callable[..., Any]
) -> None:
    first = source("elsewhere", "serial-4", clock=500_000)
    eeg = listen("EEG", "elsewhere")
    assert np.median(lateness(eeg.samples(50))) == pytest.approx(0.0, abs=0.05)
    assert eeg.reader.snapshot().offset == pytest.approx(-500_000, abs=0.1)
    first.end()
    assert eeg.reader.wait_for("lost", 2.0)
    before = len(eeg.samples(0))
    source("elsewhere", "serial-4", clock=3_000)
    after = eeg.samples(50)[before:]
    assert eeg.reader.snapshot().offset == pytest.approx(-3_000, abs=0.1)
    assert np.median(lateness(after)) == pytest.approx(0.0, abs=0.05)
    assert not eeg.reader.snapshot().absurd_clock
