"""ONNX Runtime: is it the right one, how is a file opened, what does it leave in memory."""

import ctypes
import logging
import os
import sys
from collections.abc import Collection
from importlib import metadata
from pathlib import Path
from typing import Any

from memhacl.stream.errors import ModelError

log = logging.getLogger(__name__)

_PREFERRED = ("CUDAExecutionProvider", "CPUExecutionProvider")
_QUIET = 3  # ONNX Runtime's own log: errors and worse; it warns of things that a user cannot mend


def check_packages(installed: Collection[str]) -> None:
    """Refuse an installation with both ONNX Runtime packages, or with neither.

    Both unpack into one folder: together they run on the CPU without a word, and taking one away breaks the other.

    Raises
    ------
    ModelError
        With the command that mends it.
    """
    if {"onnxruntime", "onnxruntime-gpu"} <= set(installed):
        raise ModelError(
            "onnxruntime and onnxruntime-gpu are both installed, which loses the GPU; expected one of them: "
            "pip uninstall -y onnxruntime onnxruntime-gpu, then pip install onnxruntime-gpu (or onnxruntime: CPU)"
        )
    if not {"onnxruntime", "onnxruntime-gpu"} & set(installed):
        raise ModelError(
            "ONNX Runtime is not installed: pip install 'memhacl[cpu]' (or 'memhacl[gpu]' for NVIDIA GPUs)"
        )


def _installed() -> set[str]:
    found = set()
    for name in ("onnxruntime", "onnxruntime-gpu"):
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
    return found


def _onnxruntime() -> Any:
    check_packages(_installed())
    try:
        import onnxruntime
    except ImportError as problem:
        raise ModelError(
            f"ONNX Runtime cannot be imported ({problem}): pip install --force-reinstall onnxruntime"
        ) from None
    if not hasattr(onnxruntime, "InferenceSession"):  # what is left after one of two packages was uninstalled
        raise ModelError("the installed ONNX Runtime is incomplete: pip install --force-reinstall onnxruntime")
    return onnxruntime


def open_session(path: Path) -> Any:
    """Open the ONNX file ``path`` as an ``onnxruntime.InferenceSession``, on the GPU where that works.

    Raises
    ------
    ModelError
        ONNX Runtime is not properly installed, or the file is no ONNX model.
    """
    ort = _onnxruntime()
    wanted = [provider for provider in _PREFERRED if provider in ort.get_available_providers()]
    try:
        # By path, not by bytes: the session would keep a copy of those for as long as it lives.
        session = ort.InferenceSession(os.fspath(path), _options(ort), providers=wanted)
    except Exception as problem:  # ONNX Runtime's exceptions have no base of their own
        reason = " ".join(str(problem).split()).removeprefix("[ONNXRuntimeError] : ")[:160]
        raise ModelError(
            f"{path}: expected an ONNX model, found a file that is none or is damaged ({reason}); "
            "give a file that memhacl-export wrote"
        ) from None
    if wanted[0] not in session.get_providers():
        log.warning("%s is installed but does not work here; the model runs on the CPU", wanted[0])
    return session


def _options(ort: Any) -> Any:
    """One thread that sleeps between windows.

    By default the pool of threads spins: a whole core, for ever, at one window a second; and at batch 1 a second
    thread gains nothing. (Measured on a 66 MB model: without arena and memory pattern neither time nor steady
    memory change, so both stay as they are.)
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def give_back_memory() -> None:
    """Return to the system what loading took and freed: with glibc, some 140 MB for a model of 66 MB.

    ONNX Runtime holds the weights several times over while it optimises and packs them, and glibc keeps the freed
    pages. Other C libraries have no such call, and no such need or no such means.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
