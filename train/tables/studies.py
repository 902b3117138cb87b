"""The trainings behind the paper's tables and figures: in which settings they differ; tables may share them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from memhacl.train.tables import paper

TASKS: Final = ("valence", "arousal", "quadrant")
Changes = Mapping[str, Any]  # setting by its dotted name → value


@dataclass(frozen=True)
class Study:
    """Trainings that tables and figures are read from: by ``variants``, what each changes; ``tasks`` of all."""

    name: str
    variants: Mapping[str, Changes]
    tasks: tuple[str, ...]
    common: Changes = field(default_factory=dict)

    def changes(self, variant: str) -> dict[str, Any]:
        """All that ``variant`` sets, by dotted name."""
        return {"labels.tasks": self.tasks, **self.common, **self.variants[variant]}

    @property
    def names(self) -> tuple[str, ...]:
        """Dotted names of all settings that variants set."""
        return tuple(dict.fromkeys(name for variant in self.variants for name in self.changes(variant)))


def _using(*variants: str) -> dict[str, Changes]:
    return {variant: {"use": variant.split(" + ")} for variant in variants}


METHOD: Final = Study("method", {paper.ALL: {}}, TASKS)
MODALITIES: Final = Study(
    "modalities", _using(paper.EEG, paper.EEG_GSR, paper.THREE, paper.FOUR, paper.FIVE), ("valence",)
)
PAIRS: Final = Study("pairs", _using(paper.EEG_TEMP, paper.EEG_GSR, paper.EEG_RESP), ("valence", "arousal"))
WITH, WITHOUT = "with attention", "without attention"
PROJECTOR: Final = Study(
    "projector",
    {WITH: {"method.settings.attention": True}, WITHOUT: {"method.settings.attention": False}},
    ("valence", "quadrant"),
    {"finetune.mode": "probe"},  # so that the encoder stays as pretraining, where the attention is, has left it
)
ENCODER: Final = Study("encoder", {"attention across modalities": {"method.settings.encoder": "attention"}}, TASKS)
