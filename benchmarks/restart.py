"""Killing and restarting the replay: seconds until the next valid prediction; takes a minute and a half.

Claim: at most 5 s, plus the warm-up of baseline and filters, which messages report as such.
"""

import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.listener import Listener, Received
from benchmarks.programs import end, environment, free_endpoint, running

TIMES = 3
WARM = ("baseline_warmup", "filter_warmup", "adapt_warmup")


def main() -> None:
    """Measure and print."""
    table = Table(title="restart of memhacl-replay, seconds from its start")
    for name in ("run", "first valid prediction", "of these warming up", "without the warm-up (claim 5)"):
        table.add_column(name)
    env, endpoint = environment(), free_endpoint()
    listener = Listener(endpoint)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with running("memhacl-serve", "--lsl", "--publish", endpoint, env=env, log=log):
            for number in range(TIMES + 1):
                row = one(listener, env, log)
                if number:  # the first is a start and no restart
                    table.add_row(str(number), *(f"{seconds:.1f}" for seconds in row))
    listener.close()
    Console().print(table)


def one(listener: Listener, env: dict[str, str], log: Path) -> tuple[float, float, float]:
    """Start a replay, wait for a valid prediction, kill it; seconds until then, and how many of them warmed up."""
    started = time.monotonic()
    # what the server reads alone, so that the replay does not wait for readers of other streams
    replay = ("memhacl-replay", "simulated", "--modalities", "EEG,GSR,Resp,Temp")
    with running(*replay, env=env, log=log.with_suffix(".replay")) as player:
        found = listener.collect("emotion.p1.valence", lambda found: fresh(found), within=60)
        passed = time.monotonic() - started
        end(player)
    # what the server still says of the time before the next replay
    listener.collect("emotion.p1.valence", lambda found: bool(found) and not found[-1]["valid"], within=20)
    warming = sum(any(reason.split(":")[0] in WARM for reason in m["reasons"]) for m in found if only_warming(m))
    return passed, float(warming), passed - warming


def fresh(found: list[Received]) -> bool:
    """Whether the last message is valid."""
    return bool(found) and bool(found[-1]["valid"])


def only_warming(message: Received) -> bool:
    """Whether warm-up is all that a message has against its window."""
    return bool(message["reasons"]) and all(reason.split(":")[0] in WARM for reason in message["reasons"])


if __name__ == "__main__":
    main()
