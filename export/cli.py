"""``memhacl-export``: a trained run becomes one ONNX file that the server, and anybody's runtime, can open."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from memhacl.stream.arguments import parse_arguments
from memhacl.stream.command import run_command
from memhacl.stream.errors import DataError, ModelError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arguments:
    """Write a trained run as one self-describing ONNX file.

    The file holds scaling, encoders, classifiers and calibration, and a card that says how the signals must be
    prepared and what the model was trained on: memhacl-serve and memhacl-predict need nothing else. Before it
    gets its name, its probabilities are compared with the trained network's on windows of the run.

    Example: memhacl-export runs/demo --out demo.onnx
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder that 'memhacl-train run' or 'memhacl-train crossvalidate' has made."""

    out: Annotated[Path, tyro.conf.arg(metavar="MODEL.onnx")]
    """The file to write; one that is there is replaced, in one step and only when the new one is good."""


def export_run(run: Path, out: Path) -> None:
    """Write the trained run in folder ``run`` to the model file ``out``.

    Raises
    ------
    DataError
        ``run`` is no run folder.
    ModelError
        ``out`` is a folder, or the exported graph does not agree with the trained network.
    """
    if not run.is_dir():
        raise DataError(
            f"{run}: expected the folder of a trained run, found {_kind(run)}; make one with 'memhacl-train run'"
        )
    if out.is_dir():
        raise ModelError(f"{out}: expected a file to write, found a folder; say --out {out / 'model.onnx'}")

    # torch takes seconds to import: not for --help, nor for a path that was mistyped.
    from memhacl.export.card import ModelCard
    from memhacl.export.graph import build_graph
    from memhacl.export.onnx_file import export_model
    from memhacl.train.restore import load_run

    trained = load_run(run)
    card = ModelCard.parse(
        {
            "name": trained.name,
            "spec": trained.spec,
            "tasks": trained.tasks,
            "temperature": trained.temperatures,
            "training": trained.training,
            "absent_ok": trained.absent_ok,
        },
        str(run),
        ModelError,
    )
    graph = build_graph(trained.networks, trained.mean, trained.std, trained.temperatures)
    export_model(graph, card, trained.windows, out)
    log.info("%s: %.1f MB, tasks %s", out, out.stat().st_size / 1e6, ", ".join(card.tasks))
    for warning in card.training.warnings:
        log.warning("%s", warning)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command with ``args`` (the command line's by default); return its exit code."""
    return run_command("memhacl-export", lambda: _export(parse_arguments(Arguments, args, "memhacl-export")))


def _export(given: Arguments) -> None:
    export_run(given.run, given.out)


def _kind(path: Path) -> str:
    return "a file" if path.exists() else "nothing"
