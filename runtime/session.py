"""A model file opened for inference: ONNX Runtime, the model card, and a check that they agree."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memhacl.export.card import INPUT, METADATA_KEY, ModelCard
from memhacl.runtime.backend import give_back_memory, open_session
from memhacl.stream.errors import ModelError

log = logging.getLogger(__name__)

_WARM_UP = 2  # the first runs allocate and choose kernels; without them the first window pays for it


@dataclass(frozen=True)
class Model:
    """An exported model, ready to predict; make one with ``Model.load``.

    ``sha256`` (hex) identifies the file; ``providers`` are what the session really runs on, first choice first.
    """

    card: ModelCard
    sha256: str
    providers: tuple[str, ...]
    _session: Any

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Open the model file ``path`` and warm it up.

        Raises
        ------
        ModelError
            ONNX Runtime is not (or not properly) installed; the file is missing, damaged, no ONNX model or no
            memhacl model; or its graph and its card disagree.
        """
        if not path.is_file():
            found = "a folder" if path.is_dir() else "no such file"
            raise ModelError(f"{path}: expected a model file, found {found}; memhacl-export writes one")
        session = open_session(path)
        card = _read_card(session, path)
        _check_graph(session, card, path)
        model = cls(card, _hash(path), tuple(session.get_providers()), session)
        for _ in range(_WARM_UP):
            model.predict(np.zeros((1, *card.shape), dtype=np.float32))
        give_back_memory()
        log.info("model %s (%s…) on %s", card.name, model.sha256[:12], ", ".join(model.providers))
        return model

    def predict(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Probabilities (B, classes) of each task for windows (B, channels, samples) in the spec's units.

        Rows of a modality in the card's ``absent_ok`` may be NaN throughout: it is not there.

        Raises
        ------
        ModelError
            The windows have another shape than the model's.
        """
        if batch.ndim != 3 or batch.shape[1:] != self.card.shape:
            raise ModelError(
                f"model {self.card.name}: expected windows (batch, {self.card.shape[0]}, {self.card.shape[1]}), "
                f"found {batch.shape}; the signals must be prepared with the spec in the model's card"
            )
        tasks = list(self.card.tasks)
        outputs = self._session.run(tasks, {INPUT: np.ascontiguousarray(batch, dtype=np.float32)})
        return dict(zip(tasks, outputs, strict=True))


def default_model_path() -> Path:
    """Path of the small model that ships in the package.

    Raises
    ------
    ModelError
        This installation has none.
    """
    path = Path(__file__).parent / "models" / "default.onnx"
    if not path.is_file():
        raise ModelError(
            f"{path}: the model that ships with memhacl is missing; install memhacl again or give --model"
        )
    return path


def _read_card(session: Any, path: Path) -> ModelCard:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            f"{path}: expected a memhacl model, found an ONNX model without the metadata '{METADATA_KEY}'; "
            "give a file that memhacl-export wrote"
        )
    return ModelCard.from_json(text, str(path))


def _check_graph(session: Any, card: ModelCard, path: Path) -> None:
    wanted = {INPUT: card.shape} | {task: (len(labels),) for task, labels in card.tasks.items()}
    tensors = [*session.get_inputs(), *session.get_outputs()]
    found = {tensor.name: tuple(tensor.shape[1:]) for tensor in tensors}
    inputs = [tensor.name for tensor in session.get_inputs()]
    fixed = [tensor.name for tensor in tensors if not isinstance((tensor.shape or [0])[0], str)]
    if found != wanted or inputs != [INPUT] or fixed or {tensor.type for tensor in tensors} != {"tensor(float)"}:
        described = {tensor.name: (tensor.type, tensor.shape) for tensor in tensors}
        raise ModelError(
            f"{path}: the graph does not fit its card: expected float tensors (batch, …) {wanted}, "
            f"found {described}; export the model again"
        )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
