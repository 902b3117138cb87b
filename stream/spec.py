"""SignalSpec: the only description of a model's signals; the YAML, the corpus key and the model card embed it."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from memhacl.stream.signals import MODALITIES
from memhacl.stream.strict import Strict
from memhacl.stream.units import unit_of

Baseline = Literal["rolling", "rest", "rolling-template", "none"]
Adapt = Literal["none", "rest", "running"]


class Conditioning(Strict):
    """Causal processing of one modality on the grid.

    ``band`` is (low, high) in Hz for a Butterworth filter of ``order``; low 0 means low-pass, None means no
    filter. ``reference`` 'average' subtracts the mean over channels (common average reference).
    """

    band: tuple[float, float] | None = None
    order: int = Field(4, ge=1, le=8)
    reference: Literal["none", "average"] = "none"

    @field_validator("band")
    @classmethod
    def _ordered(cls, band: tuple[float, float] | None) -> tuple[float, float] | None:
        if band is not None and not 0 <= band[0] < band[1]:
            raise ValueError("expected 0 <= low < high, in Hz")
        return band


class ModalitySpec(Strict):
    """The rows of one modality in a window and how they are made.

    ``look_ahead`` (s) is how far past a grid time the resampler may look; it bounds what the modality adds to
    the latency. Samples of an irregular stream may be ``max_step`` (s) apart; a longer step is a gap. Up to
    ``interpolate`` (a share of the channels) may be missing or dead in EEG and are interpolated from the others.
    ``already_done`` names what the training data's owners had applied before we saw them.
    """

    modality: str
    channels: tuple[str, ...] = Field(min_length=1)
    unit: str
    conditioning: Conditioning = Conditioning()
    adapt: Adapt = "none"
    baseline: Baseline = "rolling"
    look_ahead: float = Field(0.13, ge=0, le=5)
    max_step: float = Field(2.0, gt=0, le=60)
    interpolate: float = Field(0.2, ge=0, le=0.5)
    already_done: tuple[str, ...] = ()

    @field_validator("unit")
    @classmethod
    def _spelt(cls, unit: str) -> str:
        return unit_of(unit)

    @field_validator("modality")
    @classmethod
    def _known(cls, modality: str) -> str:
        if modality not in MODALITIES:
            raise ValueError(f"expected one of {', '.join(MODALITIES)}")
        return modality

    @model_validator(mode="after")
    def _adapted(self) -> Self:
        if self.unit == "arbitrary" and self.adapt == "none":
            raise ValueError(f"{self.modality}: unit 'arbitrary' needs adapt 'running' or 'rest'")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"{self.modality}: a channel is listed twice")
        return self


class SignalSpec(Strict):
    """Montage, rate, windows and baseline of a model; times in seconds, rates in Hz.

    A window is (channels, samples): the modalities' rows in order, ``window`` seconds at ``rate``; a new one
    starts every ``hop`` seconds. ``baseline_seconds`` is how much of the past (or of the rest period) a
    baseline averages; ``adapt_seconds`` is the time constant of running standardisation and ``adapt_warmup``
    how much data it needs before it is trusted; a gap longer than ``reset_gap`` begins the path anew.
    """

    modalities: tuple[ModalitySpec, ...] = Field(min_length=1)
    rate: float = Field(128.0, gt=0)
    window: float = Field(1.0, gt=0)
    hop: float = Field(1.0, gt=0)
    baseline_seconds: float = Field(3.0, gt=0)
    adapt_seconds: float = Field(60.0, gt=0)
    adapt_warmup: float = Field(5.0, ge=0)
    reset_gap: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in ("window", "hop", "baseline_seconds"):
            samples = getattr(self, name) * self.rate
            if abs(samples - round(samples)) > 1e-6 or round(samples) < 1:
                raise ValueError(f"{name} {getattr(self, name)} s is no whole number of samples at {self.rate} Hz")
        names = [m.modality for m in self.modalities]
        if len(set(names)) != len(names):
            raise ValueError("a modality is listed twice")
        for m in self.modalities:
            if m.conditioning.band is not None and m.conditioning.band[1] >= self.rate / 2:
                raise ValueError(
                    f"{m.modality}: band {m.conditioning.band} Hz reaches half the rate {self.rate} Hz"
                )
        return self

    @property
    def window_samples(self) -> int:
        """Samples in a window."""
        return round(self.window * self.rate)

    @property
    def hop_samples(self) -> int:
        """Samples between the starts of neighbouring windows."""
        return round(self.hop * self.rate)

    @property
    def baseline_samples(self) -> int:
        """Samples that a baseline averages."""
        return round(self.baseline_seconds * self.rate)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of all rows of a window, in order."""
        return tuple(channel for m in self.modalities for channel in m.channels)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a window, (channels, samples)."""
        return len(self.channels), self.window_samples

    @property
    def rows(self) -> dict[str, slice]:
        """Rows of each modality in a window."""
        rows: dict[str, slice] = {}
        first = 0
        for m in self.modalities:
            rows[m.modality] = slice(first, first + len(m.channels))
            first += len(m.channels)
        return rows

    @property
    def reference(self) -> str:
        """The modality whose clock disciplines the grid: EEG where the montage has it, else the first."""
        names = [m.modality for m in self.modalities]
        return "EEG" if "EEG" in names else names[0]

    def of(self, modality: str) -> ModalitySpec:
        """Return the specification of one modality."""
        return next(m for m in self.modalities if m.modality == modality)
