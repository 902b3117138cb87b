"""A real memhacl-serve that reads a laboratory of real outlets, and what it takes and gives in a span of time."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.listener import Listener, Received
from benchmarks.participants import Laboratory, laboratory, session_text, shipped_spec
from benchmarks.programs import environment, free_endpoint, running

WARM = 8  # windows of each person until baseline and filters are warm
READY = 90.0  # s within which everybody must be
TASK = "valence"


@dataclass(frozen=True)
class Served:
    """A server process that publishes to ``listener`` what it says of ``lab``'s people."""

    lab: Laboratory
    process: psutil.Process
    listener: Listener
    ready: float  # s from its start until everybody had valid windows

    def watch(self, seconds: float) -> "Span":
        """Collect for ``seconds``, and look at the process every second."""
        looks: list[tuple[float, float]] = []
        messages: list[Received] = []
        began, before = time.monotonic(), sum(self.process.cpu_times()[:2])
        while (passed := time.monotonic() - began) < seconds:
            step = min(1.0, seconds - passed)
            messages += self.listener.collect("", lambda _: False, within=step)
            looks.append((time.monotonic() - began, self.process.memory_info().rss / 1e6))
        passed, busy = time.monotonic() - began, sum(self.process.cpu_times()[:2]) - before
        at, resident = np.array(looks).T
        predictions = [m for m in messages if m.get("task") == TASK]
        return Span(self.lab, predictions, passed, busy, self.process.num_threads(), at, resident)


@dataclass(frozen=True)
class Span:
    """What came in ``seconds``: predictions of one task; CPU seconds, threads; resident MB ``at`` times (s)."""

    lab: Laboratory
    predictions: list[Received]
    seconds: float
    busy: float
    threads: int
    at: NDArray[np.float64]
    resident: NDArray[np.float64]

    @property
    def latencies(self) -> NDArray[np.float64]:
        """Milliseconds from the sending of the last sample that a valid window needs to its message's coming."""
        found = []
        for message in self.predictions:
            if message["valid"]:
                last = message["window_end"] - 1 / self.lab.rate
                found.append(1e3 * (message["received"] - self.lab.sent(message["participant"], last)))
        return np.array(found)

    @property
    def lost(self) -> int:
        """Windows that are missing between a person's first and last message."""
        numbers = defaultdict(list)
        for message in self.predictions:
            numbers[message["participant"]].append(message["seq"])
        return sum(seq[-1] - seq[0] + 1 - len(seq) for seq in numbers.values())

    @property
    def valid(self) -> float:
        """Share of windows that are valid."""
        return float(np.mean([message["valid"] for message in self.predictions]))

    @property
    def slope(self) -> float:
        """Resident MB an hour, by least squares over the second half."""
        half = len(self.at) // 2
        return float(np.polyfit(self.at[half:] / 3600, self.resident[half:], 1)[0])


@contextmanager
def served(people: int, spread: float = 1.0) -> Iterator[Served]:
    """Serve so many people until everybody's windows are warm, and then for the length of the context.

    They begin within ``spread`` seconds; so do their windows, which at 0 are all due at one moment.
    """
    env, endpoint, spec = roomy(environment()), free_endpoint(), shipped_spec()
    listener = Listener(endpoint)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            laboratory(people, spread, env, Path(folder) / "outlets.log") as lab,
        ):
            session = Path(folder) / "session.yaml"
            session.write_text(session_text(lab, spec))
            arguments = ("--lsl", "--session", str(session), "--publish", endpoint)
            with running("memhacl-serve", *arguments, env=env, log=Path(folder) / "serve.log") as server:
                began = time.monotonic()
                wait_until_warm(listener, lab, Path(folder))
                yield Served(lab, psutil.Process(server.pid), listener, time.monotonic() - began)
    finally:
        listener.close()


def roomy(env: dict[str, str]) -> dict[str, str]:
    """Give ``env``'s LSL ports for hundreds of outlets: each takes one, and the server has one a person."""
    path = Path(env["LSLAPICFG"])
    path.write_text(path.read_text().replace("PortRange = 128", "PortRange = 512"))
    return env


def wait_until_warm(listener: Listener, lab: Laboratory, folder: Path) -> None:
    """Wait for `WARM` valid windows of everybody.

    Raises
    ------
    RuntimeError
        They did not come in time.
    """
    valid: dict[str, int] = defaultdict(int)

    def warm(found: list[Received]) -> bool:
        message = found[-1] if found else {}
        if message.get("task") == TASK and message["valid"]:
            valid[message["participant"]] += 1
        return len(valid) == lab.people and min(valid.values()) >= WARM

    listener.collect("emotion.", warm, within=READY)
    if len(valid) < lab.people or min(valid.values()) < WARM:
        said = "\n".join((folder / name).read_text()[-2000:] for name in ("outlets.log", "serve.log"))
        raise RuntimeError(
            f"only {len(valid)} of {lab.people} people have valid windows after {READY:g} s:\n{said}"
        )
