"""One progress bar a stage, on standard error, so that standard output stays for results."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining
from rich.text import Text

_QUIET = 20.0  # s without a line where there is no terminal to draw a bar on


class Bar:
    """The bar of one stage: ``start`` with the steps to come, ``step`` after each, ``finish`` with the outcome."""

    def __init__(self, progress: Progress, task: TaskID, say: Callable[[str], None]):
        self._progress = progress
        self._task = task
        self._say = say
        self._steps, self._done = 0, 0
        self._began = self._said = time.monotonic()
        self.outcome = ""

    def start(self, steps: int, what: str = "") -> None:
        """Begin ``steps`` steps anew."""
        self._progress.reset(self._task, total=steps, completed=0, note=what)
        self._steps, self._done = steps, 0
        self._began = self._said = time.monotonic()

    def step(self, note: str) -> None:
        """Count a step and show ``note`` beside the bar."""
        self._progress.update(self._task, advance=1, note=note)
        self._done += 1
        now = time.monotonic()
        if self._progress.disable and now - self._said >= _QUIET:
            self._said = now
            left = (now - self._began) / self._done * (self._steps - self._done)
            self._say(f"{self._done} of {self._steps}, about {left:.0f} s left ({note})")

    def finish(self, outcome: str) -> None:
        """Keep ``outcome`` for the line that replaces the bar."""
        self.outcome = outcome


def stage_line(stage: str, text: str) -> Text:
    """Return ``text`` behind the stage's name; what is in square brackets stays what it is."""
    return Text.assemble((f"{stage:<9} ", "bold"), text)


@contextmanager
def waiting(what: str, console: Console) -> Iterator[None]:
    """Say ``what`` takes so long: on a terminal while it lasts, elsewhere in a line if it lasts long."""
    if console.is_terminal:
        with console.status(what):
            yield
        return
    late = threading.Timer(_QUIET, lambda: console.print(Text(f"{what} ..."), soft_wrap=True))
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()


@contextmanager
def stage_bar(stage: str, console: Console) -> Iterator[Bar]:
    """Show a bar for ``stage`` on ``console``; afterwards one line says what it did and in what time."""
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        Remaining(),
    )
    progress = Progress(
        *columns,
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    began = time.perf_counter()
    with progress:
        task = progress.add_task(stage, total=None, note="")
        bar = Bar(progress, task, lambda text: console.print(stage_line(stage, text), soft_wrap=True))
        yield bar
        seconds = time.perf_counter() - began
    console.print(stage_line(stage, f"{seconds:6.1f} s  {bar.outcome}"), soft_wrap=True)
