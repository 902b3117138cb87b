"""Where fine-tuning begins: the weights of each group's encoder, and of heads where they are known."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from memhacl.stream.errors import DataError
from memhacl.train.loops.networks import Group, fill_weights, group_tasks, read_weights
from memhacl.train.loops.work import Work

CHOSEN = "chosen.json"  # what `select` leaves: group → file of its encoder, or null

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Start:
    """Weights by name that a group begins with: its encoder's, and those of heads by task; the rest is fresh.

    ``source`` is the file that they are from, for messages.
    """

    encoder: Weights | None = None
    heads: Mapping[str, Weights] = field(default_factory=dict)
    source: Path = Path()

    def fill(self, group: Group) -> None:
        """Put the weights into ``group``.

        Raises
        ------
        DataError
            They are those of another network.
        """
        if self.encoder is not None:
            fill_weights(group.encoder, self.encoder, self.source)
        for task, state in self.heads.items():
            fill_weights(group.heads[f"task_{task}"], state, self.source)


def start_at(path: Path) -> Start:
    """Begin at the encoder in the safetensors file ``path``.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    return Start(encoder=read_weights(path), source=path)


def starting_points(work: Work, run: Path) -> dict[str, Start]:
    """Where each group of tasks begins: at the encoder that `select` chose in the folder ``run``, or afresh.

    Raises
    ------
    DataError
        There is no choice, or a file is missing or damaged.
    """
    path = run / "select" / CHOSEN
    try:
        chosen = json.loads(path.read_text(encoding="utf-8"))
        names = {group: chosen[group] for group in group_tasks(work.config)}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(f"{path}: holds no choice ({problem!r}); run the stage 'select' with --force") from None
    return {group: Start() if name is None else start_at(run / "pretrain" / name) for group, name in names.items()}
