"""Settings on the command line, over a config's; each mistake is one line of ``ConfigError``."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from memhacl.stream.arguments import read_arguments
from memhacl.stream.errors import ConfigError
from memhacl.stream.strict import describe

T = TypeVar("T")


def parse(
    kind: type[T],
    default: T,
    arguments: Sequence[str],
    prog: str,
    unknown: Callable[[str], str],
    model: type[BaseModel],
    description: str = "",
) -> T:
    """Read ``arguments`` over ``default``; ``unknown`` says what to do about a name that does not exist.

    Raises
    ------
    ConfigError
        A name is unknown, a value missing, of the wrong kind or out of the range that ``model`` allows.
    """
    try:
        parsed, left = read_arguments(kind, arguments, prog, default=default, description=description)
    except ValidationError as problem:
        raise ConfigError(describe(problem, model)) from None
    if left and not left[0].startswith("-"):
        raise ConfigError(f"unexpected argument '{left[0]}'; see {prog} --help")
    if left:
        raise ConfigError(unknown(left[0].removeprefix("--").partition("=")[0]))
    return parsed
