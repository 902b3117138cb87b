"""A whole laboratory in one server process: 24 people with 4 streams each, beside one person alone.

    python -m benchmarks.laboratory [--seconds N] [--people N]

Real LSL outlets in another process, on the same machine. Latency counts from the sending of the last sample that a
window needs to the message's coming at a subscriber. People begin within a second, as they would; in the last
column all begin at once, so that all their windows are due at the same moment.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.machine import console
from benchmarks.served import Span, served

SECONDS = 60.0
PEOPLE = 24


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="laboratory", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each is measured")
    parser.add_argument("--people", type=int, default=PEOPLE, help="how many there are")
    given = parser.parse_args(arguments)
    screen = console()
    cases = {
        "1 person": (1, 1.0),
        f"{given.people} people": (given.people, 1.0),
        "all due at once": (given.people, 0.0),
    }
    spans = {}
    for name, (people, spread) in cases.items():
        with served(people, spread) as server:
            spans[name] = (server.watch(given.seconds), server.ready)
    table = Table(title=f"one memhacl-serve, 4 streams a person, {given.seconds:g} s of real LSL")
    alone = np.percentile(spans["1 person"][0].latencies, [50, 99])
    columns = [figures(span, ready, alone) for span, ready in spans.values()]
    for name in ("", *cases):
        table.add_column(name)
    for name in columns[0]:
        table.add_row(name, *(column[name] for column in columns))
    screen.print(table)


def figures(span: Span, ready: float, alone: NDArray[np.float64]) -> dict[str, str]:
    """What is said of one server; ``alone`` is one person's median and 99 % latency in ms."""
    median, late, worst = np.percentile(span.latencies, [50, 99, 100])
    return {
        "streams": str(4 * span.lab.people),
        "windows a second": f"{len(span.predictions) / span.seconds:.2f}",
        "lost windows": str(span.lost),
        "valid, %": f"{100 * span.valid:.2f}",
        "latency, ms: median": f"{median:.1f}",
        "99 %": f"{late:.1f}",
        "max": f"{worst:.1f}",
        "added to one person's, ms: median": f"{median - alone[0]:+.1f}",
        "added, 99 %": f"{late - alone[1]:+.1f}",
        "CPU of one core, %": f"{100 * span.busy / span.seconds:.1f}",
        "resident memory, MB": f"{span.resident[-1]:.0f}",
        "threads": str(span.threads),
        "from start until all are warm, s": f"{ready:.1f}",
    }


if __name__ == "__main__":
    main(sys.argv[1:])
