"""Command-line arguments by tyro, with each mistake as one line of ``ConfigError``."""

import io
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from difflib import get_close_matches
from typing import Any, TypeVar

import tyro

from memhacl.stream.errors import ConfigError

T = TypeVar("T")

_CONFIG = (tyro.conf.FlagCreatePairsOff,)


def parse_arguments(kind: Callable[..., T], arguments: Sequence[str] | None, prog: str) -> T:
    """Read ``arguments`` (None: the process's) of command ``prog`` into the dataclass ``kind``.

    Raises
    ------
    ConfigError
        A name is unknown, or a value is missing or of the wrong kind.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    parsed, left = read_arguments(kind, given, prog)
    if left and not left[0].startswith("-"):
        raise ConfigError(f"unexpected argument '{left[0]}'; see {prog} --help")
    if left:
        name = left[0].partition("=")[0]
        flags = [f"--{field.replace('_', '-')}" for field in getattr(kind, "__dataclass_fields__", {})]
        close = get_close_matches(name, flags, n=1)
        raise ConfigError(
            f"unknown option '{name}'; " + (f"did you mean '{close[0]}'?" if close else f"see {prog} --help")
        )
    return parsed


def read_arguments(
    kind: Callable[..., T], arguments: Sequence[str], prog: str, **options: Any
) -> tuple[T, list[str]]:
    """Read ``arguments`` with tyro; return the result and the arguments that it did not know.

    Raises
    ------
    ConfigError
        A value is missing or of the wrong kind.
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            parsed, left = tyro.cli(
                kind, args=arguments, prog=prog, config=_CONFIG, return_unknown_args=True, **options
            )
    except SystemExit as end:
        if end.code:
            raise ConfigError(f"{_one_line(said.getvalue())}; see {prog} --help") from None
        raise
    return parsed, list(left)


def _one_line(box: str) -> str:
    """The words of the first paragraph in a box drawn by tyro, without frame, title or pydantic's address."""
    lines = [line.strip("│ ").strip() for line in box.splitlines() if line.startswith("│")]
    rule = next((place for place, line in enumerate(lines) if line.startswith("──")), len(lines))
    text = " ".join(lines[:rule])
    text = text.replace("Value error, ", "")
    text = re.sub(r"For further information visit \S+", "", text)
    text = re.sub(r"\[type=\w+, input_value=(.*?), input_type=\w+\]", r"(found \1)", text)
    return re.sub(r"^Error parsing (.*?): \d+ validation errors? for \w+", r"\1:", text).strip().rstrip(".")
