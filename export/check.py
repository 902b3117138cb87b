"""What a model file must pass before it gets its name: no trace of this machine, the same numbers as torch."""

import itertools
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from memhacl.export.card import INPUT, ModelCard
from memhacl.stream.errors import ModelError

TOLERANCE = 1e-4
_BULK = ("raw_data", "float_data")  # weights: random bytes, in which any short text occurs sooner or later
_CHATTER = ("metadata_props", "doc_string")


@runtime_checkable
class _Message(Protocol):
    """What is needed of a protobuf message, whose package has no types of its own."""

    def ListFields(self) -> list[tuple[Any, Any]]: ...

    def ClearField(self, field_name: str) -> None: ...


def strip_chatter(message: _Message) -> None:
    """Clear the metadata and doc strings of ``message`` and of everything in it.

    The exporter leaves a stack trace with local paths on every node and the names of all parameters on the graph.
    """
    for field, value in message.ListFields():
        if field.name in _CHATTER:
            message.ClearField(field.name)
            continue
        for part in _items(value):
            if isinstance(part, _Message):
                strip_chatter(part)


def check_paths(model: onnx.ModelProto) -> None:
    """Raise ModelError if any text in ``model`` holds a path of this machine."""
    roots = _local_roots()
    for text in _texts(model):
        found = next((root for root in roots if root in text), None)
        if found is not None:
            at = text.index(found)
            raise ModelError(
                f"the model file would carry the local path '{text[at : at + 60]}'; expected none in names and "
                "metadata: take it out of the run's name, source or warnings"
            )


def with_absent(windows: NDArray[np.float32], card: ModelCard) -> NDArray[np.float32]:
    """Windows (N, C, T) to compare on; for a model that can spare modalities as many again with some absent (NaN).

    In turn: each that it can spare, and all that it can spare but one. Every case is there at least once.
    """
    rows, spared = card.spec.rows, card.absent_ok
    cases = {frozenset([name]) for name in spared} | {frozenset(spared) - {name} for name in rows}
    cases -= {frozenset(), frozenset(rows)}
    if not cases:
        return windows
    hidden = np.resize(windows, (max(len(windows), len(cases)), *windows.shape[1:]))
    for place, case in zip(range(len(hidden)), itertools.cycle(sorted(cases, key=sorted)), strict=False):
        for name in case:
            hidden[place, rows[name]] = np.nan
    return np.concatenate([windows, hidden])


def check_parity(graph: nn.Module, path: Path, tasks: tuple[str, ...], windows: NDArray[np.float32]) -> float:
    """Largest difference between torch and ONNX Runtime on raw windows (N, C, T), at batch 1 and N.

    Raises
    ------
    ModelError
        It exceeds ``TOLERANCE`` for some task, or torch's are not finite.
    """
    session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    differences = {}
    for batch in (windows[:1], windows):
        found = dict(zip(tasks, session.run(list(tasks), {INPUT: batch}), strict=True))
        for task, difference in _differences(graph, tasks, batch, found).items():
            differences[task, len(batch)] = difference
    (task, size), worst = max(differences.items(), key=lambda item: item[1])
    if not worst <= TOLERANCE:
        raise ModelError(
            "the exported graph does not compute what the trained network does: expected probabilities within "
            f"{TOLERANCE:g}, found a difference of {worst:.3g} for task '{task}' at batch {size}; nothing was "
            "written. The network does what tracing cannot keep: it branches on values, draws numbers or has state"
        )
    return worst


def _differences(
    graph: nn.Module, tasks: tuple[str, ...], batch: NDArray[np.float32], found: Mapping[str, NDArray[np.float32]]
) -> dict[str, float]:
    with torch.inference_mode():
        wanted = dict(zip(tasks, graph(torch.from_numpy(batch)), strict=True))
    if not all(values.isfinite().all() for values in wanted.values()):
        raise ModelError(
            "the trained network: expected finite probabilities for every window, also for those with absent "
            "modalities (NaN), found others; train it again, or leave what it cannot spare out of 'absent_ok'"
        )
    # A NaN is a difference, not an equality.
    return {
        task: float(np.nan_to_num(np.abs(wanted[task].numpy() - found[task]), nan=np.inf).max()) for task in tasks
    }


def _texts(message: _Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.name in _BULK:
            continue
        for item in _items(value):
            if isinstance(item, _Message):
                yield from _texts(item)
            elif isinstance(item, (str, bytes)):
                yield item if isinstance(item, str) else item.decode("utf-8", "replace")


def _items(value: Any) -> Iterable[Any]:
    """Return the items of a field's value, whether it is repeated or single."""
    return (value,) if isinstance(value, (_Message, str, bytes, int, float)) else value


def _local_roots() -> list[str]:
    project = Path(__file__).resolve().parents[1]
    places = {
        project,
        Path.home(),
        Path.cwd(),
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(tempfile.gettempdir()),
    }
    # The root folder itself is in any text with a slash; the others are told from it by their trailing separator.
    roots = [f"{place}{os.sep}" for place in sorted(places) if len(place.parts) > 1]
    return roots + [json.dumps(root)[1:-1] for root in roots]  # the card is JSON, where a backslash is doubled
