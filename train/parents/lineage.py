"""What a run has taken over of the model that it started from, and what readers of its numbers must know of it."""

import json
from pathlib import Path
from typing import Any

from memhacl.export.card import Ancestor
from memhacl.stream.errors import DataError
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec
from memhacl.stream.strict import Strict

_FILE = "init.json"
_COMPARED = ("unit", "conditioning", "adapt", "baseline")


class Inheritance(Strict):
    """What stage 'pretrain' keeps of a model: enough to do without it from then on.

    ``key`` is the hash of all of it that matters; ``tasks`` are the model's with their classes, ``groups`` those
    tasks that share an encoder, in the order of the files; ``lineage`` ends with the model itself; ``notes`` say
    what is otherwise in this run.
    """

    key: str
    tasks: dict[str, tuple[str, ...]]
    groups: tuple[tuple[str, ...], ...]
    lineage: tuple[Ancestor, ...]
    notes: tuple[str, ...]

    def save(self, folder: Path) -> None:
        """Write the record to ``folder``."""
        (folder / _FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def load_inheritance(folder: Path) -> Inheritance:
    """Read what ``save`` wrote to ``folder``.

    Raises
    ------
    DataError
        There is no such record, or it is damaged.
    """
    path = folder / _FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DataError(
            f"{path}: does not say what the run started from ({problem}); run the stage 'pretrain' with --force"
        ) from None
    return Inheritance.parse(values, str(path), DataError)


def lineage_warnings(lineage: tuple[Ancestor, ...]) -> tuple[str, ...]:
    """Say what every user of a model must know of those that it started from."""
    names = dict.fromkeys(ancestor.name for ancestor in lineage if ancestor.simulated)  # each is said once
    return tuple(f"started from '{name}', a model trained on simulated people" for name in names)


def differences(name: str, theirs: SignalSpec, ours: SignalSpec) -> tuple[str, ...]:
    """Say in what the signals of a run, ``ours``, differ from those of the model ``name`` that it starts from."""
    said = []
    if _channels(theirs) != _channels(ours):
        said.append(f"'{name}' was trained on {_montage(theirs)}, this run has {_montage(ours)}")
    if theirs.window != ours.window:
        said.append(f"'{name}' was trained on windows of {theirs.window:g} s, this run uses {ours.window:g} s")
    for modality in ours.modalities:
        if modality.modality in theirs.rows:
            said.extend(_changes(name, theirs.of(modality.modality), modality))
    return tuple(said)


def _changes(name: str, theirs: ModalitySpec, ours: ModalitySpec) -> list[str]:
    return [
        f"'{name}' was trained with {ours.modality} {field} {_said(before)}, this run uses {_said(now)}"
        for field in _COMPARED
        if (before := getattr(theirs, field)) != (now := getattr(ours, field))
    ]


def _said(value: Any) -> str:
    if not isinstance(value, Conditioning):
        return str(value)
    band = "no filter" if value.band is None else f"{value.band[0]:g}-{value.band[1]:g} Hz of order {value.order}"
    return f"{band} with reference {value.reference}"


def _channels(spec: SignalSpec) -> list[tuple[str, tuple[str, ...]]]:
    return [(modality.modality, modality.channels) for modality in spec.modalities]


def _montage(spec: SignalSpec) -> str:
    return ", ".join(f"{name} ({', '.join(channels)})" for name, channels in _channels(spec))
