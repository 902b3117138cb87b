"""What the processes beside the first one do under torchrun: they pretrain with it, and leave the word to it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from rich.console import Console

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.config import Config
from memhacl.train.folder import RunFolder
from memhacl.train.loops.distributed import from_first, world
from memhacl.train.loops.pretrain import pretrain
from memhacl.train.progress import stage_bar
from memhacl.train.stages import Pipeline


def assist(config: Config, run: Path) -> int:
    """Take part in each pretraining in the folder ``run``, until the first process ends; return an exit code.

    Raises
    ------
    DataError
        What the first process wrote cannot be read here.
    """
    logging.disable(logging.WARNING)  # the first process says the same
    quiet = Console(quiet=True)
    nothing: Path | None = None
    try:
        while (partial := from_first(nothing)) is not None:
            pipeline = Pipeline(config, RunFolder(run), None, quiet)
            with stage_bar("pretrain", quiet) as bar:
                pretrain(pipeline.work, partial / "pretrain", bar)
    except ConfigError:  # settings and minibatches are the same everywhere: the first process says it
        return 2
    except KeyboardInterrupt:
        return 130
    except DataError as problem:
        raise DataError(f"process {world().rank}: {problem}") from None
    return 0


def dismiss() -> None:
    """Let the processes that ``assist`` end: the first one needs them no more."""
    from_first(None)


@contextmanager
def said_once() -> Iterator[None]:
    """Let one process of a machine say what all of them would say before they have joined."""
    if int(os.environ.get("LOCAL_RANK", "0")) == 0:
        yield
        return
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            yield
        except ConfigError:
            raise SystemExit(2) from None
