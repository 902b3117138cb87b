"""Settings of TSception; the defaults are the paper's."""

from typing import Literal

from pydantic import Field

from memhacl.stream.strict import Strict

BOUND = ("temporal", "spatial", "hidden", "activation")  # what weights are worth nothing without


class TsceptionSettings(Strict):
    """Sizes of the network; the lengths of its kernels in time follow from the rate."""

    temporal: int = Field(15, ge=1, le=256, description="Filters in time, of each of the three lengths.")
    spatial: int = Field(15, ge=1, le=256, description="Filters across channels, of both hemispheres and of each.")
    hidden: int = Field(32, ge=1, le=4096, description="Units between features and classes.")
    dropout: float = Field(0.5, ge=0, lt=1, description="Dropout in the classifier.")
    activation: Literal["leaky-relu", "power"] = Field(
        "leaky-relu",
        description="Of the filters in time: 'leaky-relu', averaged, or 'power': logarithm of the mean square.",
    )
