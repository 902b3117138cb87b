"""A real server on real outlets for a while: whether memory stays flat, windows are lost, latency grows.

    python -m benchmarks.soak [--minutes N]

A few minutes say little of a slope: what grows slowly shows in benchmarks/path_memory.py, on an injected clock.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from rich.table import Table

from benchmarks.machine import console
from benchmarks.served import Span, served

MINUTES = 2.0
PEOPLE = 4


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long to serve")
    given = parser.parse_args(arguments)
    screen = console()
    with served(PEOPLE) as server:
        halves = [server.watch(30 * given.minutes) for _ in range(2)]
    table = Table(title=f"memhacl-serve for {PEOPLE} people x 4 streams over {given.minutes:g} min of real LSL")
    for name in ("", "first half", "second half"):
        table.add_column(name)
    columns = [figures(half) for half in halves]
    for name in columns[0]:
        table.add_row(name, *(column[name] for column in columns))
    screen.print(table)


def figures(span: Span) -> dict[str, str]:
    """What is said of one half."""
    median, late, worst = np.percentile(span.latencies, [50, 99, 100])
    return {
        "windows": str(len(span.predictions)),
        "lost": str(span.lost),
        "valid, %": f"{100 * span.valid:.2f}",
        "latency from the last sample's sending, ms: median": f"{median:.1f}",
        "99 %": f"{late:.1f}",
        "max": f"{worst:.1f}",
        "resident memory at its end, MB": f"{span.resident[-1]:.2f}",
        "slope over its second half, MB/h": f"{span.slope:+.2f}",
        "CPU of one core, %": f"{100 * span.busy / span.seconds:.1f}",
    }


if __name__ == "__main__":
    main(sys.argv[1:])
