"""`memhacl-serve`: live predictions from LSL streams, over ZeroMQ."""

import time

from memhacl.stream.command import run_command


def main(args: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    started = time.monotonic()
    return run_command("memhacl-serve", lambda: _serve(args, started))


def _serve(args: list[str] | None, started: float) -> int:
    from memhacl.runtime.serve import serve  # here: it takes seconds, in which Ctrl-C must not end in a traceback

    return serve(args, started)
