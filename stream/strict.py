"""Border objects: frozen pydantic models whose validation errors become one clear line."""

import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Self, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from memhacl.stream.errors import ConfigError, MemhaclError

_SHORT = reprlib.Repr()  # a YAML of a few lines can stand for terabytes
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 3, 200, 200


class Strict(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    guide: ClassVar[str] = "docs/configs.md"  # lists all keys

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
        hint = did_you_mean(path, list(known_keys(model))) or f"{getattr(model, 'guide', Strict.guide)} lists all"
        return f"unknown key '{path}'; {hint}"
    if item["type"] == "missing":
        return f"key '{path}' is missing"
    found = _SHORT.repr(item["input"])
    found = found if len(found) <= 60 else found[:57] + "..."
    reason = _reason(item)
    return f"{path}: {reason} (found {found})" if path else reason


def _reason(item: Mapping[str, Any]) -> str:
    kind, found = item["type"], item["input"]
    if kind == "tuple_type":
        return f"expected a list, as in [{found}]" if isinstance(found, str) else "expected a list, as in [a, b]"
    if kind == "string_type" and isinstance(found, bool):
        return "expected text: such words (on, off, yes, no, true, false) need quotes in YAML"
    if kind == "string_type" and isinstance(found, int | float):
        return "expected text, a string: a number needs quotes in YAML to be one"
    return str(item["msg"]).removeprefix("Value error, ")


def did_you_mean(key: str, keys: Sequence[str]) -> str:
    """Say which of the dotted ``keys`` was probably meant by ``key``; "" where none is near."""
    keys = [name for name in keys if name != key]
    by_shape = {re.sub(r"\.\d+\.", ".0.", name): name for name in keys}  # places in lists do not matter
    close = get_close_matches(re.sub(r"\.\d+\.", ".0.", key), by_shape, n=1, cutoff=0.75)
    if not close:  # the right name under the wrong heading, as in optim.lr
        word = get_close_matches(_last(key), {_last(name) for name in keys}, n=1)
        close = [name for name in keys if word and _last(name) == word[0]]
    return f"did you mean {' or '.join(repr(name) for name in close[:3])}?" if close else ""


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def known_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all settings below ``model``; an item of a list is number 0."""
    for key, field in model.model_fields.items():
        below = model_in(field.annotation)
        if below is None:
            yield f"{prefix}{key}"
        else:
            step = "0." if get_origin(field.annotation) in (tuple, list) else ""
            yield from known_keys(below, f"{prefix}{key}.{step}")


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation is, or is a tuple of; None for any other."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


class _Loader(yaml.SafeLoader):
    """A safe loader to which a key given twice is an error: plain YAML keeps the last in silence."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
        if key.value in seen and key.value != "<<":
            raise yaml.constructor.ConstructorError(
                None, None, f"key '{key.value}' is given twice", key.start_mark
            )
        seen.add(key.value)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping from ``path``.

    Raises
    ------
    ConfigError
        The file is missing, is not YAML, gives a key twice, or holds something other than a mapping.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path}: cannot be read ({problem}); give the path of a YAML config") from None
    except yaml.YAMLError as problem:
        raise ConfigError(f"{path}: is not valid YAML: {' '.join(str(problem).split())}") from None
    except ValueError as problem:  # a value that only looks like a date, such as 2024-02-30
        raise ConfigError(f"{path}: is not valid YAML: {problem}; put such text in quotes") from None
    if values is None:
        raise ConfigError(f"{path}: expected a mapping of settings, found an empty file")
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of settings, found {type(values).__name__}")
    return values
