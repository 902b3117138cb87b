"""The command memhacl-train report: the page of a run or a cross-validation, made again from what lies there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from memhacl.stream.arguments import parse_arguments
from memhacl.stream.errors import DataError
from memhacl.train.report import write_report


@dataclass(frozen=True)
class ReportArguments:
    """Write evaluate/report.html of an evaluated run or cross-validation again: one page with everything that is
    known of it, readable without a network. Nothing is trained or measured.
    """  # noqa: D205

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """The folder of a run or of a cross-validation."""


def report(arguments: list[str]) -> int:
    """Write the page and say where it is; return the exit code.

    Raises
    ------
    DataError
        Nothing was evaluated in the folder, or it cannot be written.
    """
    asked = parse_arguments(ReportArguments, arguments, "memhacl-train report")
    try:
        path = write_report(asked.folder)
    except OSError as problem:
        raise DataError(f"{asked.folder}: the page cannot be written ({problem.strerror or problem})") from None
    Console().print(str(path), soft_wrap=True, markup=False, highlight=False)
    return 0
