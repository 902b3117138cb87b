"""On what machine a figure was measured, and measuring in a process of its own, on one core."""

import multiprocessing
import os
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from rich.console import Console

Given = ParamSpec("Given")
Found = TypeVar("Found")

_WIDTH = 118

# Read once, when numpy is first imported: so a fresh process needs them, and this one cannot be changed.
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def console() -> Console:
    """Return a console wide enough for the tables, which has said what machine this is."""
    made = Console()
    made.width = max(made.width, _WIDTH)  # what is piped into a file would be cut at 80
    made.print(f"measured on {machine()}")
    return made


def machine() -> str:
    """Name the processor, how many cores of it this process may use, and the Python."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores of {_processor()}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def apart(function: Callable[Given, Found], *arguments: Given.args, **named: Given.kwargs) -> Found:
    """Call ``function`` in a fresh process whose numerical libraries use one thread; return what it returns."""
    fresh = multiprocessing.get_context("spawn")
    with _one_thread(), ProcessPoolExecutor(max_workers=1, mp_context=fresh) as pool:
        return pool.submit(function, *arguments, **named).result()


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
