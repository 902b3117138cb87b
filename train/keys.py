"""The stages of a run and their keys: what must be the same for a stage's output to stand."""

import hashlib
import json
from typing import Any

from memhacl.train.config import Config
from memhacl.train.loops.networks import group_tasks
from memhacl.train.loops.select import chooses

STAGES = ("prepare", "split", "pretrain", "select", "finetune", "evaluate")

# Raise a stage's version when its code changes what it writes: old output is then made again.
_VERSIONS = {"prepare": 5, "split": 2, "pretrain": 2, "select": 1, "finetune": 2, "evaluate": 4}


def stage_keys(config: Config, fingerprint: str, start: str = "") -> dict[str, str]:
    """Keys by stage: hashes of the settings that matter to it, its version and the key of the stage before.

    ``fingerprint`` is that of the data's content, ``start`` that of the model in ``config.init``. Device, threads
    and the experiment's name matter to none. A refit is evaluated under the key of its folds' evaluation.
    """
    settings = _settings(config)
    spec = config.spec.model_dump(mode="json")
    matters: dict[str, Any] = {
        "prepare": [spec, settings["trials"], settings["people"], fingerprint],
        "split": [settings["protocol"], *(["everybody"] if config.refits else [])],
        "pretrain": [settings["method"], *([start] if config.init else [settings["pretrain"], settings["seed"]])],
        "select": _select_matters(config, settings),
        "finetune": _finetune_matters(config, settings),
        "evaluate": [settings["evaluate"]],
    }
    keys: dict[str, str] = {}
    before = ""
    for stage in STAGES:
        text = json.dumps([stage, _VERSIONS[stage], matters[stage], before], sort_keys=True)
        before = keys[stage] = hashlib.sha256(text.encode()).hexdigest()
    return keys | ({"evaluate": config.refit.estimate} if config.refits else {})


def _select_matters(config: Config, settings: dict[str, Any]) -> list[Any]:
    """What the choice depends on; without one to make, only the names that stand in it."""
    if not chooses(config):
        return list(group_tasks(config))
    if config.refits:
        return [settings["refit"]["encoders"]]
    return [settings["select"], settings["finetune"], settings["labels"]]


def _finetune_matters(config: Config, settings: dict[str, Any]) -> list[Any]:
    refit = [settings["refit"]["epochs"], settings["refit"]["temperatures"]] if config.refits else []
    return [settings["method"], settings["finetune"], settings["labels"], settings["seed"], *refit]


def _settings(config: Config) -> dict[str, Any]:
    """Return all settings; classes as pairs, for their order is that of the network's outputs."""
    settings = config.model_dump(mode="json")
    classes = settings["labels"]["classes"]
    settings["labels"]["classes"] = {kind: list(members.items()) for kind, members in classes.items()}
    return settings


def config_hash(config: Config) -> str:
    """Return the sha256 (hex) of the merged settings."""
    return hashlib.sha256(json.dumps(_settings(config), sort_keys=True).encode()).hexdigest()
