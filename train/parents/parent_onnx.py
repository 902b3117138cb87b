"""A model file to start from: its weights stand in it under their names, and its card says what they are for."""

import hashlib
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memhacl.export.card import METADATA_KEY, Ancestor, ModelCard
from memhacl.stream.errors import ConfigError
from memhacl.train.parents.parent import COUNTER, Branch, Network, Parent, State, complete, weights_below

_ENCODER = re.compile(r"encoders\.(\d+)\.")
_OURS = ("encoders.", "heads.")  # what weights' names begin with
_LARGEST = 2**31  # bytes: protobuf reads no more


def read_model_file(path: Path) -> Parent:
    """Open the model file ``path``.

    Raises
    ------
    ConfigError
        The package onnx is missing, or this is no file that memhacl-export wrote and that tells its weights.
    ModelError
        The card does not fit.
    """
    if path.stat().st_size >= _LARGEST:
        raise _another(path)
    content = path.read_bytes()
    model = _parsed(content, path)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    if METADATA_KEY not in texts:
        raise ConfigError(
            f"init: {path}: expected a memhacl model, found an ONNX model without the metadata '{METADATA_KEY}'; "
            "give a file that memhacl-export wrote"
        )
    card = ModelCard.from_json(texts[METADATA_KEY], str(path))
    if not card.training.network:
        raise ConfigError(
            f"init: {path}: expected the settings of the network in the card, found a file of an older version; "
            "export the model again, or give its run folder"
        )
    network = Network(
        spec=card.spec,
        method=card.training.method,
        settings=complete(card.training.method, card.training.network, str(path)),
        tasks=card.tasks,
        branches=_branches(_weights(model, path), tuple(card.tasks), path),
    )
    return Parent(network, _own(card, hashlib.sha256(content).hexdigest()), card.training.lineage)


def _parsed(content: bytes, path: Path) -> Any:
    try:
        import onnx
    except ImportError:
        raise ConfigError(
            f"init: {path}: reading a model file needs the package onnx, which is not installed; run "
            "pip install 'memhacl[export]', or give the model's run folder"
        ) from None
    try:
        return onnx.load_model_from_string(content)
    except Exception:  # protobuf's, whose package has no types
        raise _another(path) from None


def _another(path: Path) -> ConfigError:
    return ConfigError(f"init: {path}: expected a model file (.onnx) or a run folder, found another file")


def _weights(model: Any, path: Path) -> dict[str, Tensor]:
    named = {each.name: each for each in model.graph.initializer if each.name.startswith(_OURS)}
    return {name: _tensor(each, path) for name, each in named.items() if not name.endswith(COUNTER)}


def _tensor(stored: Any, path: Path) -> Tensor:
    """Return a weight; one that says it is in another file is refused: it could be any of the reader's."""
    from onnx import TensorProto
    from onnx.numpy_helper import to_array

    if stored.data_type == TensorProto.FLOAT and stored.data_location != TensorProto.EXTERNAL:
        with suppress(ValueError):  # fewer or more numbers than the shape says
            if np.isfinite(values := to_array(stored)).all():
                return torch.from_numpy(values.copy())
    raise ConfigError(
        f"init: {path}: {stored.name!r}: expected finite float32 numbers in the file itself, as many as its shape "
        "says, found others; export the model again, or give its run folder"
    )


def _branches(weights: State, tasks: tuple[str, ...], path: Path) -> tuple[Branch, ...]:
    """Sort the graph's weights: ``encoders`` are one for each task or one for all, ``heads`` one for each task."""
    heads = {task: weights_below(f"heads.{place}.", weights) for place, task in enumerate(tasks)}
    count = len({found[1] for name in weights if (found := _ENCODER.match(name))})
    if count not in (1, len(tasks)) or not all(heads.values()):
        raise ConfigError(
            f"init: {path}: expected the weights of one encoder, or of one for each task, under their names, "
            f"found those of {count}; export the model again, or give its run folder"
        )
    shares = [tasks] if count == 1 else [(task,) for task in tasks]
    return tuple(
        Branch(weights_below(f"encoders.{place}.", weights), {task: heads[task] for task in share})
        for place, share in enumerate(shares)
    )


def _own(card: ModelCard, sha256: str) -> Ancestor:
    training = card.training
    return Ancestor(
        name=card.name,
        sha256=sha256,
        source=training.source,
        simulated=training.simulated,
        people=training.people,
        stimuli=training.stimuli,
        method=training.method,
        created=training.created,
        fingerprint=training.fingerprint,
    )
