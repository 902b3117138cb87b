"""Running the installed commands as a user would, on loopback and apart from any other LSL network."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LSL = """[ports]
IPv6 = disable
PortRange = 128
[multicast]
ResolveScope = machine
[lab]
KnownPeers = {{127.0.0.1}}
SessionID = {session}
"""


def environment() -> dict[str, str]:
    """Variables of a process whose LSL sees only this run's streams, on this machine."""
    session = f"memhacl-{uuid.uuid4().hex[:8]}"
    path = Path(tempfile.mkdtemp(prefix="memhacl-")) / "lsl_api.cfg"
    path.write_text(_LSL.format(session=session))
    return {**os.environ, "LSLAPICFG": str(path), "PYTHONUNBUFFERED": "1"}


def command(name: str) -> str:
    """Path of an installed console script of this Python."""
    return str(Path(sys.executable).parent / name)


def call(name: str, *arguments: str, env: dict[str, str] | None = None) -> float:
    """Run a command to its end and return its seconds; its output goes through."""
    started = time.monotonic()
    subprocess.run([command(name), *arguments], check=True, env=env)
    return time.monotonic() - started


@contextmanager
def running(name: str, *arguments: str, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a command running, its output in ``log``, and end it as Ctrl-C would."""
    with log.open("wb") as out:
        process = subprocess.Popen([command(name), *arguments], env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> float:
    """Interrupt ``process`` and return the seconds until it was gone."""
    started = time.monotonic()
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return time.monotonic() - started


def free_endpoint() -> str:
    """A loopback endpoint that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"
