"""YAML file or packaged name → ``Config``; anything unknown is one line that names the key."""

import logging
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from memhacl.stream.errors import ConfigError
from memhacl.stream.strict import Strict, did_you_mean, known_keys, model_in, read_yaml
from memhacl.train.config import Config
from memhacl.train.methods.registry import methods

log = logging.getLogger(__name__)


def packaged() -> list[str]:
    """Names of the configs that come with the package."""
    entries = files("memhacl.configs").iterdir()
    return sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml"))


def load_config(where: str, method: str | None = None) -> Config:
    """Read the config at ``where``: a YAML file, a run folder, or the name of a packaged config.

    A file with the key ``base`` says only in what it differs from another config.
    ``method`` replaces the config's method; settings that the new method also has are kept. The method's own
    settings come back complete, defaults included, so that each can be overridden and is written to the run.

    Raises
    ------
    ConfigError
        There is no such config, or it holds an unknown key or a value out of range.
    """
    values, origin = _read(where)
    problem = next(iter(unknown_keys(values, Config)), None)
    if problem is not None:
        raise ConfigError(f"{origin}: {unknown(problem)}")
    config = Config.parse(values, origin)
    settings = config.method.settings
    if method is not None and method != config.method.name:
        known = settings_of(method).model_fields
        dropped = [name for name in settings if name not in known]
        if dropped:
            log.info("method '%s' has no use for %s of %s", method, ", ".join(dropped), origin)
        settings = {name: value for name, value in settings.items() if name in known}
    return with_method(config, method or config.method.name, settings, origin)


def with_method(config: Config, name: str, settings: Mapping[str, Any], origin: str) -> Config:
    """Return ``config`` with the method ``name`` and its checked, completed ``settings``."""
    chosen = settings_of(name)
    for key in settings:
        if key not in chosen.model_fields:
            raise ConfigError(f"{origin}: {unknown(f'method.settings.{key}', name)}")
    complete = chosen.parse(dict(settings), f"{origin}: method.settings").model_dump(mode="json")
    update = {"method": config.method.model_copy(update={"name": name, "settings": complete})}
    return config.model_copy(update=update)


def settings_of(method: str) -> type[Strict]:
    """Return the settings that ``method`` has.

    Raises
    ------
    ConfigError
        There is no such method.
    """
    if method not in methods:
        close = get_close_matches(method, methods, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(sorted(methods))}"
        raise ConfigError(f"method.name: unknown method '{method}'; {hint}")
    return methods[method].Settings


def save_config(config: Config, path: Path) -> None:
    """Write the merged ``config`` as YAML."""
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, width=110, default_flow_style=None)
    path.write_text(text, encoding="utf-8")


def unknown_keys(values: Mapping[str, Any], model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of keys in ``values`` that ``model`` does not have, lists of models included."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in model.model_fields:
            yield from (f"{name}.{inner}" for inner in value) if isinstance(value, Mapping) and value else (name,)
            continue
        below = model_in(model.model_fields[key].annotation)
        if below is None:
            continue
        items = [(name, value)] if isinstance(value, Mapping) else _numbered(name, value)
        for inner_name, inner in items:
            if isinstance(inner, Mapping):
                yield from unknown_keys(inner, below, f"{inner_name}.")


def unknown(key: str, method: str = "me-mhacl") -> str:
    """Say that ``key`` is unknown and which one was probably meant."""
    keys = [*known_keys(Config), *(f"method.settings.{name}" for name in settings_of(method).model_fields)]
    if key in keys:
        return f"'{key}' is given in another form on the command line; --help shows which"
    hint = did_you_mean(key, keys) or "docs/configs.md lists all"
    return f"unknown key '{key}'; {hint}"


def _read(where: str, above: tuple[str, ...] = ()) -> tuple[dict[str, Any], str]:
    """Return the values of the config at ``where`` over those of its base, and what to call it in messages.

    ``above`` are the origins of the configs whose bases led here.
    """
    values, origin = _read_alone(where)
    if "base" not in values:
        return values, origin
    base = values.pop("base")
    if not isinstance(base, str):
        raise ConfigError(f"{origin}: base: expected the name of another config or a file, found {base!r}")
    beside = Path(origin).parent / base  # a file is named as seen from the one that names it
    packaged_one = not beside.is_file() and base in packaged()  # whatever folder of that name lies here
    if not beside.is_file() and not packaged_one:
        raise ConfigError(f"{origin}: base: {base}: expected a file beside it or one of {', '.join(packaged())}")
    name = base if packaged_one else str(beside.resolve())
    if name in (*above, str(Path(origin).resolve())):
        raise ConfigError(f"{origin}: base: expected another config, found one that leads back here ({base})")
    under, _ = _read_packaged(base) if packaged_one else _read(name, (*above, str(Path(origin).resolve())))
    return _over(values, _for_method(values, under)), origin


def _for_method(values: Mapping[str, Any], under: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``under`` without the settings that another method named in ``values`` does not have."""
    method, before = values.get("method"), under.get("method")
    if not isinstance(method, Mapping) or not isinstance(before, Mapping) or "name" not in method:
        return under
    known = settings_of(str(method["name"])).model_fields
    kept = {name: value for name, value in dict(before.get("settings") or {}).items() if name in known}
    return {**under, "method": {**before, "settings": kept}}


_WHOLE = ("classes", "thresholds")  # mappings that stand for themselves: theirs are names of the data


def _over(values: Mapping[str, Any], under: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``under`` with ``values`` in place of its own, mapping by mapping; a list stands for a whole list."""
    merged = dict(under)
    for key, value in values.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping) and key not in _WHOLE
        merged[key] = _over(value, below) if both else value  # type: ignore[arg-type]
    return merged


def _read_alone(where: str) -> tuple[dict[str, Any], str]:
    path = Path(where)
    if (path / "config.yaml").is_file():
        path = path / "config.yaml"
    if path.is_file():
        return read_yaml(path), str(path)
    if where in packaged():
        return _read_packaged(where)
    close = get_close_matches(where, packaged(), n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"the packaged ones are {', '.join(packaged())}"
    raise ConfigError(f"{where}: expected a YAML file, a run folder or the name of a packaged config; {hint}")


def _read_packaged(name: str) -> tuple[dict[str, Any], str]:
    with as_file(files("memhacl.configs") / f"{name}.yaml") as inside:
        values = read_yaml(inside)
    if "base" in values:
        values = _over(values, _read_packaged(values.pop("base"))[0])
    return values, f"config '{name}'"


def _numbered(name: str, value: Any) -> list[tuple[str, Any]]:
    return [(f"{name}.{place}", item) for place, item in enumerate(value)] if isinstance(value, list) else []


def flat(config: Config) -> dict[str, Any]:
    """Settings of ``config`` by dotted name."""
    return dict(_flat(config.model_dump(mode="json"), ""))


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
