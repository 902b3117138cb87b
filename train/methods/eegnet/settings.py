"""Settings of EEGNet; the defaults are those of the paper's EEGNet-8,2."""

from pydantic import Field

from memhacl.stream.strict import Strict

BOUND = ("filters", "depth")  # what weights are worth nothing without


class EegNetSettings(Strict):
    """Sizes of the network; kernels follow from the rate."""

    filters: int = Field(8, ge=1, le=256, description="F1: filters in time.")
    depth: int = Field(2, ge=1, le=64, description="D: filters across channels for each filter in time.")
    dropout: float = Field(
        0.25, ge=0, lt=1, description="Dropout after each block; the paper: 0.25 across people, 0.5 within one."
    )
