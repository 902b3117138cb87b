"""Settings of a cross-validation: what is trained in every fold, and what the refit takes over from them."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from memhacl.stream.strict import Strict


class CrossvalidateConfig(Strict):
    """What `memhacl-train crossvalidate` trains in every fold of the protocol beside the model itself."""

    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0,), min_length=1, description="Seeds with which every fold is trained; their numbers are averaged first."
    )
    compare: tuple[str, ...] = Field(
        (),
        description="Other trainings on the same folds: 'supervised' (from scratch), 'probe' (a linear layer on "
        "the frozen encoder), 'eegnet', 'tsception'.",
    )
    permutations: int = Field(
        0, ge=0, description="Trainings on permuted labels, from which the permutation p of the model is taken."
    )


class RefitConfig(Strict):
    """What the folds chose for a training on everybody, which has no rows to choose by.

    `memhacl-train crossvalidate` fills it in. Groups are those of tasks that share an encoder.
    """

    epochs: dict[str, int] = Field(
        {}, description="Group → epochs of fine-tuning, all of which are done; without any, this is no refit."
    )
    encoders: dict[str, int] = Field(
        {}, description="Group → epoch of pretraining whose encoder it starts from, where several are kept."
    )
    temperatures: dict[str, float] = Field(
        {}, description="Task → what its logits are divided by, fitted on predictions out of fold."
    )
    estimate: str = Field("", description="Key of the evaluation that says what the procedure is worth.")

    def check(self, groups: Collection[str], tasks: Collection[str], most: int) -> None:
        """Raise ValueError where a refit lacks some ``groups`` or ``tasks``, or has more epochs than ``most``."""
        if self.epochs and (set(self.epochs), set(self.temperatures)) != (set(groups), set(tasks)):
            raise ValueError(
                f"refit: expected epochs of {', '.join(groups)} and temperatures of {', '.join(tasks)}; leave it "
                "to 'memhacl-train crossvalidate'"
            )
        if not all(1 <= epochs <= most for epochs in self.epochs.values()):
            raise ValueError(f"refit.epochs: expected 1 to finetune.epochs ({most})")
