"""``memhacl-listen``: shows what a server publishes, for people or as JSON lines."""

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro
from rich.console import Console
from rich.text import Text

from memhacl.runtime.listen import Arrival, Follower, Listener
from memhacl.runtime.listen_view import HumanLines, JsonLines, View
from memhacl.runtime.publish import DEFAULT_ENDPOINT
from memhacl.stream.arguments import parse_arguments
from memhacl.stream.command import run_command
from memhacl.stream.errors import ConfigError, StreamError

log = logging.getLogger(__name__)

_TICK = 0.1  # s without a message after which a window waits no longer for its other tasks
_SILENCE = 5.0  # s without a message that are worth a remark: a server says 'status' every second
_SHOWN = ("emotion.", "status")


@dataclass(frozen=True)
class Options:
    """Show what memhacl-serve publishes: one line a window, or JSON lines for a script.

    What is noticed on the way (lost messages, silence, a restarted server) goes to standard error. Ctrl-C ends.

    Examples: memhacl-listen; memhacl-listen --json --topic emotion. --count 10; memhacl-listen tcp://lab-pc:5571
    """

    endpoint: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[ENDPOINT]")] = DEFAULT_ENDPOINT
    """Where the server publishes."""

    json: bool = False
    """Print every message as one line of JSON."""

    topic: Annotated[str | None, tyro.conf.arg(metavar="PREFIX")] = None
    """Only topics that begin so, for example 'emotion.p1.valence' or 'quality.'. By default predictions and
    status; with --json all."""

    count: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """End after this many lines. By default go on for ever."""

    timeout: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = None
    """Give up, with exit code 2, after this many seconds without a message. By default wait for ever."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command with ``args`` (the command line's by default); return its exit code."""
    return run_command("memhacl-listen", lambda: _until_closed(parse_arguments(Options, args, "memhacl-listen")))


def _until_closed(options: Options) -> int:
    """Listen; when the reader of a pipe has gone (``| head``), end as if all had been said."""
    try:
        return _listen(options)
    except BrokenPipeError:
        # Python flushes standard output once more at its end, which would fail again and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _listen(options: Options) -> int:
    if options.count is not None and options.count < 1:
        raise ConfigError(f"--count: expected 1 or more lines, found {options.count}")
    if options.timeout is not None and not options.timeout > 0:
        raise ConfigError(f"--timeout: expected more than 0 seconds, found {options.timeout:g}")
    topics = _SHOWN if options.topic is None and not options.json else (options.topic or "",)
    view: View = JsonLines() if options.json else HumanLines()
    write = _json_writer() if options.json else _human_writer()
    left = options.count if options.count is not None else -1
    with Listener(options.endpoint, topics) as listener:
        watch = _Watch(options)
        while left != 0:
            arrival = listener.receive(_TICK)
            if not watch.saw(arrival):
                continue
            for line in view.flush() if arrival is None else view.take(arrival):
                write(line)
                left -= 1
                if left == 0:
                    break
    return 0


class _Watch:
    """Notices silence, lost messages and restarts, and says so once."""

    def __init__(self, options: Options):
        self._options = options
        self._follower = Follower()
        self._last = time.monotonic()
        self._silent = False

    def saw(self, arrival: Arrival | None) -> bool:
        """Take note of ``arrival`` (None: nothing came); return whether it is to be shown."""
        if arrival is None:
            self._waited(time.monotonic() - self._last)
            return True
        self._last, self._silent = time.monotonic(), False
        seq = arrival.content.get("seq")
        return not isinstance(seq, int) or self._followed(arrival.topic, seq)

    def _waited(self, seconds: float) -> None:
        limit = self._options.timeout
        if limit is not None and seconds >= limit:
            raise StreamError(
                f"no message in {limit:g} s from {self._options.endpoint}: is memhacl-serve running? "
                "Give the address that its --publish names"
            )
        if seconds >= _SILENCE and not self._silent:
            self._silent = True
            log.warning("no message in %.0f s from %s: is memhacl-serve running?", seconds, self._options.endpoint)

    def _followed(self, topic: str, seq: int) -> bool:
        kind, missing = self._follower.follow(topic, seq)
        if kind == "lost":
            log.warning("%s: %d lost before seq %d", topic, missing, seq)
        if kind == "restart":
            log.warning("%s: the server has restarted, seq is %d again", topic, seq)
        return kind != "repeat"  # sent once more for somebody who came late


def _json_writer() -> Callable[[Text], None]:
    def write(line: Text) -> None:
        sys.stdout.write(line.plain + "\n")
        sys.stdout.flush()

    return write


class _Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Leave the broken pipe to the command: rich itself would end with exit code 1."""
        raise


def _human_writer() -> Callable[[Text], None]:
    console = _Terminal(highlight=False)
    return lambda line: console.print(line, soft_wrap=True)
