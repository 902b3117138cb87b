"""Outlets in processes of their own, that tests can freeze and kill, and readers that are always stopped."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from memhacl.stream.lsl.finding import Wanted
from memhacl.stream.lsl.inlet import Chunk, Mailbox, MarkerReader, Reader, Timing, stop_all
from memhacl.stream.lsl.mailbox import Event

COUNTING = """
import sys, time, pylsl
outlet = pylsl.StreamOutlet(pylsl.StreamInfo(sys.argv[1], "EEG", 1, 100.0, "float32", sys.argv[2]))
print("open", flush=True)
number = 0
while True:
    outlet.push_sample([number])
    number += 1
    time.sleep(0.01)
"""


class Source(subprocess.Popen[str]):
    """A process with one outlet that counts, at about 100 Hz."""

    def __init__(self, name: str, source_id: str) -> None:
        super().__init__([sys.executable, "-c", COUNTING, name, source_id], stdout=subprocess.PIPE, text=True)
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
        for _ in range(round(timeout / 0.1)):
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
def source() -> Iterator[Callable[[str, str], Source]]:
    started: list[Source] = []

    def start(name: str, source_id: str) -> Source:
        started.append(Source(name, source_id))
        return started[-1]

    yield start
    for process in started:
        process.end()


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    listeners: list[Listener] = []

    def start(modality: str, name: str | None = None, timing: Timing | None = None) -> Listener:
        kind = MarkerReader if modality == "Markers" else Reader
        listeners.append(Listener(kind(modality, Wanted(modality, name), Mailbox(), timing)))
        return listeners[-1]

    yield start
    assert stop_all(listener.reader for listener in listeners)
