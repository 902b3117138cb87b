"""All learning methods by the name that a config gives them."""

from collections.abc import Mapping
from typing import Any

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import SignalSpec
from memhacl.train.methods.contract import Method
from memhacl.train.methods.eegnet.method import EegNet
from memhacl.train.methods.me_mhacl.method import MeMhacl
from memhacl.train.methods.supervised.method import Supervised
from memhacl.train.methods.tsception.method import Tsception

methods: dict[str, type[Method]] = {method.name: method for method in (MeMhacl, Supervised, EegNet, Tsception)}


def build_method(name: str, settings: Mapping[str, Any], spec: SignalSpec) -> Method:
    """Return the method ``name`` for windows (channels, samples) of ``spec``.

    Raises
    ------
    ConfigError
        There is no such method, or ``settings`` hold an unknown key, a value out of range, or one that does not
        fit the signals.
    """
    if name not in methods:
        raise ConfigError(f"method.name: unknown method '{name}'; expected one of {', '.join(sorted(methods))}")
    chosen = methods[name]
    return chosen(chosen.Settings.parse(dict(settings), f"method.settings of '{name}'"), spec)
