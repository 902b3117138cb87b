"""Border objects: frozen pydantic models whose validation errors become one clear line."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from memhacl.stream.errors import ConfigError, MemhaclError


class Strict(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, values: object, origin: str, error: type[MemhaclError] = ConfigError) -> Self:
        """Validate ``values``; raise ``error`` with one line that names ``origin`` and the key."""
        try:
            return cls.model_validate(values)
        except ValidationError as problem:
            raise error(f"{origin}: {describe(problem, cls)}") from None


def describe(problem: ValidationError, model: type[BaseModel]) -> str:
    """Say in one line which keys are wrong, why, and for unknown ones which was probably meant."""
    return "; ".join(_describe_one(dict(item), model) for item in problem.errors())


def _describe_one(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    path = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        close = get_close_matches(path, list(dotted_keys(model)), n=1)
        hint = f"did you mean '{close[0]}'?" if close else "see the defaults in docs/configs.md"
        return f"unknown key '{path}'; {hint}"
    if item["type"] == "missing":
        return f"key '{path}' is missing"
    found = repr(item["input"])
    found = found if len(found) <= 60 else found[:57] + "..."
    reason = item["msg"].removeprefix("Value error, ")
    return f"{path}: {reason} (found {found})" if path else reason


def dotted_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """List the dotted names of all settings below ``model``."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        names.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += dotted_keys(field.annotation, f"{prefix}{name}.")
    return names


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping from ``path``.

    Raises
    ------
    ConfigError
        The file is missing, is not YAML, or holds something other than a mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path}: cannot be read ({problem}); give the path of a YAML config") from None
    except yaml.YAMLError as problem:
        raise ConfigError(f"{path}: is not valid YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of settings, found {type(values).__name__}")
    return values
