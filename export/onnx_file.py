"""Writing the one self-describing file: traced, cleaned, labelled, compared, and only then named."""

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from memhacl.export.card import INPUT, METADATA_KEY, ModelCard
from memhacl.export.check import check_parity, check_paths, strip_chatter, with_absent
from memhacl.export.graph import DeployedGraph
from memhacl.export.simplify import simplify
from memhacl.stream.errors import ModelError

log = logging.getLogger(__name__)

_FEWEST = 8  # windows that parity is measured on
_CHATTERERS = ("torch.onnx", "onnxscript", "onnx_ir")


def export_model(graph: DeployedGraph, card: ModelCard, windows: NDArray[np.float32], path: Path) -> float:
    """Write ``graph`` with ``card`` to ``path``; return the largest |difference| of a probability to torch's.

    ``windows`` are real ones, (N, channels, samples) with N >= 8, raw as the signal path yields them: torch and
    ONNX Runtime are compared on them before the file gets its name, so that ``path`` is whole or not there; for
    a card with ``absent_ok`` also with modalities absent.

    Raises
    ------
    ModelError
        Graph, card and windows do not fit together, the network cannot be traced, the file would carry paths of
        this machine, the probabilities differ, or the file cannot be written.
    """
    batch = np.ascontiguousarray(windows, dtype=np.float32)
    _check_fit(graph, card, batch)
    compared = with_absent(batch, card)
    model = _trace(graph, batch)
    strip_chatter(model)
    onnx.helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    check_paths(model)
    onnx.checker.check_model(model)
    with _written_as(path) as temporary:
        onnx.save(model, temporary)
        worst = check_parity(graph, temporary, graph.tasks, compared)
    log.info("largest difference to torch over %d windows: %.1e", len(compared), worst)
    return worst


def _check_fit(graph: DeployedGraph, card: ModelCard, windows: NDArray[np.float32]) -> None:
    if windows.ndim != 3 or windows.shape[1:] != card.shape or len(windows) < _FEWEST:
        raise ModelError(f"example windows: expected at least {_FEWEST} of {card.shape}, found {windows.shape}")
    if not np.isfinite(windows).all():
        raise ModelError("example windows: expected finite samples, found NaN or infinity; choose valid windows")
    if graph.tasks != tuple(card.tasks):
        raise ModelError(f"expected heads for the card's tasks {tuple(card.tasks)}, found {graph.tasks}")
    if len(graph.mean) != card.shape[0]:
        raise ModelError(f"scaling: expected {card.shape[0]} channels, found {len(graph.mean)}")
    with torch.inference_mode():
        outputs = graph(torch.from_numpy(windows[:2]))
    for task, output in zip(graph.tasks, outputs, strict=True):
        if output.shape != (2, len(card.tasks[task])):
            raise ModelError(
                f"head of '{task}': expected {len(card.tasks[task])} classes {card.tasks[task]}, "
                f"found an output of shape {tuple(output.shape)} for 2 windows"
            )


def _trace(graph: DeployedGraph, windows: NDArray[np.float32]) -> onnx.ModelProto:
    try:
        with _quiet():
            program = torch.onnx.export(
                graph,
                (torch.from_numpy(windows),),
                dynamo=True,
                dynamic_shapes=({0: "batch"},),
                external_data=False,
                input_names=[INPUT],
                output_names=list(graph.tasks),
                optimize=False,
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, RuntimeError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise ModelError(f"the network cannot be exported: {reason}; use what torch.onnx knows") from problem
    if program is None:
        raise ModelError("the network cannot be exported: torch.onnx.export returned nothing; update torch")
    with _quiet():
        simplify(program.model, graph.state_dict())
        return program.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about torchvision, its passes and its deprecations out of the user's sight.

    Warnings go to the debug log; what matters about the result is checked on the result.
    """
    loggers = [logging.getLogger(name) for name in _CHATTERERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    for remark in remarks:
        log.debug("exporter: %s", remark.message)


@contextmanager
def _written_as(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` that becomes ``path`` if all goes well and vanishes otherwise."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as problem:
        raise ModelError(f"{path}: cannot be written ({problem.strerror}); give --out a place that can") from None
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.chmod(0o644 & ~_umask())  # mkstemp makes files that nobody else may read
        yield temporary
        os.replace(temporary, path)
    except OSError as problem:
        raise ModelError(f"{path}: cannot be written ({problem.strerror}); give --out a place that can") from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
