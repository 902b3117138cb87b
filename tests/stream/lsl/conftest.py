"""Outlets in processes of their own, that tests can freeze and kill, and readers that are always stopped."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from memhacl.stream.lsl.finding import Wanted
from memhacl.stream.lsl.inlet import Chunk, Mailbox, MarkerReader, Reader, Timing, stop_all
from memhacl.stream.lsl.mailbox import Event

COUNTING = """
import sys, time, pylsl
name, source_id, labels, rate, unix = sys.argv[1:]
labels, rate = labels.split(","), float(rate)
info = pylsl.StreamInfo(name, "EEG", len(labels), rate, "float32", source_id)
channels = info.desc().append_child("channels")
for label in labels:
    channels.append_child("channel").append_child_value("label", label)
outlet = pylsl.StreamOutlet(info)
print("open", flush=True)
number = 0
while True:
    outlet.push_sample([number] * len(labels), time.time() if unix else pylsl.local_clock())
    number += 1
    time.sleep(1 / rate)
"""


class Source(subprocess.Popen[str]):
    """A process with one EEG outlet that counts, at about ``rate`` Hz; ``clock`` s is what LSL's clock is off."""

    def __init__(
        self,
        name: str,
        source_id: str,
        labels: str = "EEG1",
        rate: float = 100.0,
        unix: bool = False,
        clock: int = 0,
    ) -> None:
        # a time namespace: to its processes the machine was booted at another time
        elsewhen = ["unshare", "--time", "--monotonic", str(clock)] if clock else []
        command = [*elsewhen, sys.executable, "-c", COUNTING, name, source_id, labels, str(rate), "unix" * unix]
        super().__init__(command, stdout=subprocess.PIPE, text=True)
        assert self.stdout is not None
        assert self.stdout.readline() == "open\n"

    def freeze(self) -> None:
        self.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.kill()
        self.wait()
        if self.stdout is not None:
            self.stdout.close()


class Listener:
    """A reader, its mailbox, and all that came so far."""

    def __init__(self, reader: Reader | MarkerReader) -> None:
        self.reader = reader
        self.events: list[Event] = []
        reader.start()

    def until(self, condition: Callable[[list[Event]], bool], timeout: float = 10.0) -> list[Event]:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.events += self.reader.mailbox.drain(0.1)
            if condition(self.events):
                return self.events
        raise AssertionError(f"not within {timeout} s; {self.reader.snapshot()}; {self.events[-3:]}")

    def samples(self, count: int, timeout: float = 10.0) -> list[Chunk]:
        """Wait until ``count`` more samples came; return all chunks."""
        before = self._count()
        self.until(lambda _: self._count() >= before + count, timeout)
        return [event for event in self.events if isinstance(event, Chunk)]

    def _count(self) -> int:
        return sum(len(event.stamps) for event in self.events if isinstance(event, Chunk))


@pytest.fixture
def source() -> Iterator[Callable[..., Source]]:
    started: list[Source] = []

    def start(*what: Any, **more: Any) -> Source:
        started.append(Source(*what, **more))
        return started[-1]

    yield start
    for process in started:
        process.end()


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    listeners: list[Listener] = []

    def start(modality: str, name: str | None = None, timing: Timing | None = None, **wish: str) -> Listener:
        kind = MarkerReader if modality == "Markers" else Reader
        listeners.append(Listener(kind(modality, Wanted(modality, name, **wish), Mailbox(), timing)))
        return listeners[-1]

    yield start
    assert stop_all(listener.reader for listener in listeners)
