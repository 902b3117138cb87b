"""Retrain the model that ships in the package, with the committed config, on simulated people."""

import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.demo import PEOPLE
from benchmarks.programs import call

SHIPPED = Path("runtime/models/default.onnx")
LIMIT = 4_000_000  # bytes


def main() -> None:
    """Simulate, train, export to the package."""
    SHIPPED.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        people, run = Path(folder) / "people", Path(folder) / "run"
        call("memhacl-train", "simulate", "--out", str(people), *PEOPLE)
        call("memhacl-train", "run", "demo", "--data", str(people), "--out", str(run))
        call("memhacl-export", str(run), "--out", str(SHIPPED))
    size = SHIPPED.stat().st_size
    Console().print(f"{SHIPPED}: {size / 1e6:.1f} MB")
    if size > LIMIT:
        raise SystemExit(f"{SHIPPED} is larger than {LIMIT / 1e6:g} MB: it does not belong in the package")


if __name__ == "__main__":
    main()
