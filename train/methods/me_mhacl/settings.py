"""Settings of ME-MHACL; the defaults are the paper's, docs/method.md says where the paper is silent."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from memhacl.stream.strict import Strict

_GRID = 64  # the narrowest layer's channels at width 1.0

PROJECTOR = (1024, 2048, 4096)
CLASSIFIER = (256, 128)
BOUND = ("encoder", "width", "last_kernel", "block6_kernel")  # what weights are worth nothing without


class NetworkSettings(Strict):
    """Encoder and classifier: all that a method without pretraining needs."""

    encoder: Literal["resnet18-1d", "attention"] = Field(
        "resnet18-1d",
        description="'resnet18-1d': the paper's, all channels as rows of one image; 'attention': a compact stem "
        "for each modality, then attention across them.",
    )
    width: float = Field(
        1.0, gt=0, le=4, description="Scales the channels of every layer; 1.0 is the paper's size."
    )
    dropout: float = Field(0.5, ge=0, lt=1, description="Dropout in projector and classifier.")
    modality_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Chance that training hides a modality of a window from the encoder; never all of them.",
    )
    last_kernel: Literal["5x5", "5x1"] = Field(
        "5x5",
        description="Kernel across channels in the last stage: the reference code's, or the paper's 1-D one.",
    )
    block6_kernel: Literal["7x1", "1x7"] = Field(
        "7x1", description="First kernel of the 6th block: across channels (reference code) or in time (paper)."
    )

    @field_validator("width")
    @classmethod
    def _whole_channels(cls, width: float) -> float:
        if (width * _GRID) % 1:
            raise ValueError("expected a multiple of 1/64, such as 0.125 or 0.25: layers have whole channels")
        return width


class MeMhaclSettings(NetworkSettings):
    """The network, the minibatch and the contrast."""

    clips: int = Field(8, ge=2, description="P: clips in a minibatch; each has 2(P-1) negatives.")
    members: int = Field(2, ge=1, description="Q: members of a group; a minibatch needs 2Q people.")
    temperature: float = Field(0.1, gt=0, description="Temperature of the contrastive loss.")
    attention: bool = Field(True, description="Attention over a group's members, before they are pooled.")
    heads: int = Field(8, ge=1, description="Heads of the attention.")
    meiosis: bool = Field(
        True, description="Exchange the heads of signals; without it a group is split as it is (a control)."
    )
    groups: Literal["clip", "stimulus", "person", "shuffled"] = Field(
        "clip",
        description="What a group's windows have in common: the clip (the paper's), the stimulus, where all its "
        "seconds are alike, or, as controls, the person or nothing: clips drawn at random.",
    )
    split: tuple[float, float] = Field(
        (0.0, 1.0), description="Where meiosis may cut a window, as shares of its length; never at its very ends."
    )

    @field_validator("split")
    @classmethod
    def _ordered(cls, split: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= split[0] <= split[1] <= 1:
            raise ValueError("expected 0 <= first <= last <= 1, shares of a window")
        return split

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        size = scaled(PROJECTOR[-1], self.width)
        if self.attention and size % self.heads:
            raise ValueError(
                f"heads: {self.heads} do not divide the projector's {size} features; use a power of two"
            )
        return self


def scaled(size: int, width: float) -> int:
    """Return the number of channels that a layer of ``size`` has at ``width``."""
    return round(size * width)
