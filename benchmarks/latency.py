"""Live latency, memory, start-up and idle CPU of the server with a model of the paper's size; takes 3 minutes.

Claims: median <= the model's own time + 5 ms, 99th percentile <= + 20 ms; at most 300 MB, 3 s and 5 % of a core
between windows.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.device import Device
from benchmarks.full_model import full_spec, write_full_model
from benchmarks.listener import Listener
from benchmarks.programs import environment, free_endpoint, running
from memhacl.runtime.session import Model

WINDOWS = 130
WARM = 6  # windows until the baseline and filters are warm


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full.onnx"
        write_full_model(path)
        alone = model_alone(path)
        live, figures = serve(path, Path(folder) / "serve.log")
    table = Table(
        title="36 channels at 128 Hz, hop 1 s, one encoder of full width: ms from the last sample's push"
    )
    for name in ("", "median", "p99", "max"):
        table.add_column(name)
    for name, values in (("the model alone, batch 1, once a second", alone), ("message at a subscriber", live)):
        table.add_row(name, *(f"{x:.1f}" for x in np.percentile(values, [50, 99, 100])))
    extra = np.percentile(live, [50, 99]) - np.median(alone)
    table.add_row("over the model's median", f"{extra[0]:+.1f} (claim +5)", f"{extra[1]:+.1f} (claim +20)", "")
    console = Console()
    console.print(table)
    for name, value, claim in figures:
        console.print(f"{name}: {value} (claim {claim})")


def model_alone(path: Path) -> list[float]:
    """Milliseconds of single predictions, made as rarely as live."""
    model = Model.load(path)
    window = np.random.default_rng(0).normal(size=(1, *model.card.shape)).astype(np.float32)
    spent = []
    for _ in range(20):
        time.sleep(1)
        started = time.perf_counter()
        model.predict(window)
        spent.append(1e3 * (time.perf_counter() - started))
    return spent


def serve(path: Path, log: Path) -> tuple[list[float], list[tuple[str, str, str]]]:
    """Latencies of live windows in ms, and what the process took."""
    env, endpoint = environment(), free_endpoint()
    os.environ["LSLAPICFG"] = env["LSLAPICFG"]  # the device below is in this process
    device, listener = Device(full_spec()), Listener(endpoint)
    started = time.monotonic()
    with running(
        "memhacl-serve", "--lsl", "--model", str(path), "--publish", endpoint, env=env, log=log
    ) as server:
        listener.collect("status", lambda found: len(found) > 0, within=30)
        ready = time.monotonic() - started
        device.begin()
        listener.collect("emotion.p1.valence", lambda found: len(found) >= WARM, within=60)
        process = psutil.Process(server.pid)
        before, began = sum(process.cpu_times()[:2]), time.monotonic()
        found = listener.collect("emotion.p1.valence", lambda found: len(found) >= WINDOWS, within=WINDOWS + 30)
        busy, passed = sum(process.cpu_times()[:2]) - before, time.monotonic() - began
        memory = process.memory_info().rss
        torch = "torch" in Path(f"/proc/{server.pid}/maps").read_text()
    device.end()
    listener.close()
    valid = [message for message in found if message["valid"]]
    live = [1e3 * (m["received"] - device.pushed(m["window_end"] - 1 / device.rate)) for m in valid]
    inference = sum(message["latency"]["inference"] for message in found) / 1e3
    return live, [
        ("windows received, valid", f"{len(found)}, {len(valid)}", "all"),
        ("start-up until the first heartbeat", f"{ready:.1f} s", "3 s"),
        ("resident memory", f"{memory / 1e6:.0f} MB", "300 MB"),
        ("CPU of a core, inference left out", f"{100 * (busy - inference) / passed:.1f} %", "5 %"),
        ("CPU of a core, all", f"{100 * busy / passed:.1f} %", "-"),
        ("torch in the server's memory", str(torch), "False"),
    ]


if __name__ == "__main__":
    main()
