"""What every command shares: logging, and a user's mistake as one line and exit code 2."""

import logging
import sys
from collections.abc import Callable, Iterable
from typing import TextIO

from memhacl.stream.errors import MemhaclError

_log = logging.getLogger(__name__)


class _ToStderr(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at that moment: a progress bar stands in for it while it is drawn."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def warn(notes: Iterable[str]) -> None:
    """Log what a source or a recording says of itself."""
    for note in notes:
        _log.warning("%s", note)


def run_command(name: str, main: Callable[[], int | None]) -> int:
    """Run ``main``; return its exit code, 2 for a user's mistake (said in one line), 130 for Ctrl-C."""
    logging.basicConfig(
        level=logging.INFO, format=f"%(asctime)s {name} %(levelname)s %(message)s", handlers=[_ToStderr()]
    )
    try:
        return main() or 0
    except MemhaclError as problem:
        sys.stderr.write(f"{name}: {problem}\n")
        return 2
    except BrokenPipeError:  # the reader of a pipe has gone: nobody is left to tell
        sys.stderr.close()
        return 0
    except OSError as problem:
        if problem.filename is None:  # nothing that the user named
            raise
        sys.stderr.write(f"{name}: {problem.filename}: {problem.strerror or problem}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: interrupted\n")
        return 130
