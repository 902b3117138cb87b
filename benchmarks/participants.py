"""People in a laboratory, as real LSL outlets in a process of their own.

    python -m benchmarks.participants PEOPLE START SPREAD

Each has a stream for every modality of the model that ships with memhacl, sent every few samples. The first person
begins at ``START`` (s on LSL's clock), the others at even steps within ``SPREAD`` seconds.
"""

import heapq
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.programs import end
from memhacl.runtime.session import Model, default_model_path
from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.outlet import SignalOutlet
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import SignalSpec

CHUNK = 4  # samples that are sent together
PREPARE = 5.0  # s until the first sample: outlets take a while
NOISE = 1024  # samples


@dataclass(frozen=True)
class Laboratory:
    """``people`` who begin at ``start`` (s) and within ``spread`` seconds from then; streams at ``rate`` Hz."""

    people: int
    start: float
    spread: float
    rate: float

    @property
    def names(self) -> list[str]:
        """The people's names."""
        return [f"p{number:02}" for number in range(1, self.people + 1)]

    def sent(self, person: str, stamp: float) -> float:
        """Time in s at which the sample of ``person`` that is stamped ``stamp`` went out."""
        chunk = CHUNK / self.rate
        first = self._first(self.names.index(person))
        return first + chunk * max(math.ceil((stamp - first) / chunk - 1e-3), 0)

    def _first(self, place: int) -> float:
        """Time in s at which a person's first chunk goes out."""
        return self.start + self.spread * place / self.people + (CHUNK - 1) / self.rate

    def send(self, spec: SignalSpec) -> None:
        """Send noise until interrupted."""
        outlets = [_outlets(person, spec) for person in self.names]
        noise = np.random.default_rng(0).normal(20, 5, (NOISE + CHUNK, 64)).astype(np.float32)
        before = np.arange(1 - CHUNK, 1) / self.rate
        coming = [(self._first(place), place) for place in range(self.people)]
        while True:
            due, place = heapq.heappop(coming)
            time.sleep(max(due - local_clock(), 0))
            first = round((due - self.start) * self.rate) % NOISE
            for outlet, channels in outlets[place]:
                outlet.push(noise[first : first + CHUNK, :channels], due + before)
            heapq.heappush(coming, (due + CHUNK / self.rate, place))


def _outlets(person: str, spec: SignalSpec) -> list[tuple[SignalOutlet, int]]:
    made = []
    for m in spec.modalities:
        form = StreamFormat(stream_name(person, m.modality), m.modality, m.channels, m.unit, spec.rate)
        made.append((SignalOutlet(form, source_id=form.name), len(m.channels)))
    return made


def stream_name(person: str, modality: str) -> str:
    """Name of a person's stream."""
    return f"{person}-{modality}"


def shipped_spec() -> SignalSpec:
    """The signals of the model that ships with memhacl."""
    return Model.load(default_model_path()).card.spec


@contextmanager
def laboratory(people: int, spread: float, env: dict[str, str], log: Path) -> Iterator[Laboratory]:
    """Keep the outlets of ``people`` running, with the output of their process in ``log``."""
    made = Laboratory(people, local_clock() + PREPARE, spread, shipped_spec().rate)
    values = (str(value) for value in (made.people, made.start, made.spread))
    command = [sys.executable, "-m", "benchmarks.participants", *values]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield made
        finally:
            end(process)


def session_text(lab: Laboratory, spec: SignalSpec) -> str:
    """A session file that says which stream is whose."""
    lines = ["participants:"]
    for person in lab.names:
        lines += [f"  - name: {person}", "    streams:"]
        lines += [f"      {m.modality}: {{name: {stream_name(person, m.modality)}}}" for m in spec.modalities]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    """Send until interrupted."""
    spec = shipped_spec()
    try:
        Laboratory(int(arguments[0]), float(arguments[1]), float(arguments[2]), spec.rate).send(spec)
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main(sys.argv[1:])
