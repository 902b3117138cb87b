"""What a model gets of a window with bad modalities: the others, where it has learnt to do without."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.export.card import ModelCard
from memhacl.runtime.messages import modalities_of
from memhacl.stream.path.window import Window


@dataclass(frozen=True)
class Input:
    """What a model gets of one window: ``data`` (channels, samples), None where it gets nothing, and ``reasons``.

    Rows of the modalities in ``absent`` are NaN: those that the reasons name.
    """

    reasons: tuple[str, ...]
    absent: tuple[str, ...] = ()
    data: NDArray[np.float32] | None = None


def input_of(window: Window, card: ModelCard, shed: bool = False) -> Input:
    """Return what the model of ``card`` gets of ``window``; nothing of one that is ``shed``."""
    if shed:
        return Input((*window.reasons, "shed"))
    if not window.reasons:
        return Input((), (), window.data)
    if not (absent := _bearable(window.reasons, card)):
        return Input(window.reasons)
    data = window.data.copy()
    for modality in absent:
        data[card.spec.rows[modality]] = np.nan
    return Input(window.reasons, absent, data)


def _bearable(reasons: Sequence[str], card: ModelCard) -> tuple[str, ...]:
    """Modalities that ``reasons`` name, in the model's order; none where it cannot do without them."""
    bad, there = modalities_of(reasons), tuple(card.spec.rows)
    if not bad <= set(card.absent_ok) or bad == set(there):
        return ()
    return tuple(name for name in there if name in bad)
