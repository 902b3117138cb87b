"""Starts torchrun, on this machine alone, as its users do."""

import os
import subprocess
import sys
from pathlib import Path

_TESTS = Path(__file__).parent.parent
_ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(_TESTS)}


def start(count: int, *command: str) -> subprocess.Popen[str]:
    """Run ``command``, a script or ``-m`` and a module, in ``count`` processes of one thread each."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    pipe = subprocess.PIPE
    return subprocess.Popen([*torchrun, *command], stdout=pipe, stderr=pipe, text=True, env=_ENVIRONMENT)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for what ``start`` began; return its exit code, output and error output."""
    output, errors = process.communicate(timeout=150)
    return process.returncode, output, errors
