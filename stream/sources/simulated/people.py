"""The settings of simulated people, and the random streams that make each part of them reproducible."""

from typing import Final, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from memhacl.stream import montage
from memhacl.stream.signals import MODALITIES
from memhacl.stream.sources.deap import layout as deap_layout
from memhacl.stream.strict import Strict

UNITS: Final = {
    "EEG": ("uV", "arbitrary"),
    "GSR": ("uS", "ohm", "arbitrary"),
    "Resp": ("a.u.", "arbitrary"),
    "Temp": ("degC", "arbitrary"),
    "ECG": ("uV", "mV", "arbitrary"),
    "BVP": ("a.u.", "arbitrary"),
    "EOG": ("uV", "arbitrary"),
    "EMG": ("uV", "arbitrary"),
}
# What a random stream is for; part of its seed, so the numbers must not change.
PERSON, STIMULUS, TRIAL = 1, 2, 3
PARTS: Final = {
    "ratings": 100,
    "engagement": 101,
    "eyes": 102,
    "unit": 103,
    "order": 104,
    "belt": 105,
    "leads": 106,
    "course": 107,
} | {modality: number for number, modality in enumerate(MODALITIES)}


class SimulatedStream(Strict):
    """One stream of simulated people: ``rate`` in whole Hz, ``unit`` one that the modality can have."""

    modality: str
    channels: tuple[str, ...] = Field(min_length=1)
    unit: str
    rate: float = Field(gt=0, le=4096)

    @field_validator("modality")
    @classmethod
    def _simulated(cls, modality: str) -> str:
        if modality not in UNITS:
            raise ValueError(f"expected one of {', '.join(UNITS)}")
        return modality

    @field_validator("rate")
    @classmethod
    def _whole(cls, rate: float) -> float:
        if rate != round(rate):
            raise ValueError("expected a whole number of Hz")
        return rate

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.unit not in UNITS[self.modality]:
            raise ValueError(
                f"{self.modality}: expected a unit of {', '.join(UNITS[self.modality])}, not '{self.unit}'"
            )
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"{self.modality}: a channel is listed twice")
        if self.modality == "EEG":
            for label in self.channels:
                if not montage.known(label):
                    raise ValueError(f"EEG: '{label}' is no electrode of the 10-10 system")
        return self


DEAP_STREAMS: Final = tuple(
    SimulatedStream(modality=f.modality, channels=f.channels, unit=f.unit, rate=f.rate)
    for f in deap_layout.FORMATS
)


class People(Strict):
    """Simulated people, simulated stimuli and how strongly each part shows; times in seconds.

    ``S`` scales the stimulus-locked part shared by people, ``C`` (times ``S``) the course of emotion that the
    stimulus gives everybody and that ratings do not tell, ``F`` the trial fingerprint, ``E`` the emotional effect
    in signals and ratings, ``B`` the people's rating bias, ``V`` the stimuli's mean rating, ``noise`` the ratings'
    and sensors' noise. ``layout`` 'deap' gives one segment a trial, processed as DEAP's owners did; 'raw' gives
    one continuous session with nothing processed, each stream at its own rate.
    """

    subjects: int = Field(32, ge=1, le=999)
    stimuli: int = Field(40, ge=1, le=999)
    rest: float = Field(3.0, ge=0, le=600)
    seconds: float = Field(60.0, ge=1, le=3600)
    seed: int = Field(0, ge=0)
    S: float = Field(1.0, ge=0, le=10)
    C: float = Field(0.0, ge=0, le=10)
    F: float = Field(1.0, ge=0, le=10)
    E: float = Field(1.0, ge=0, le=10)
    B: float = Field(1.0, ge=0, le=10)
    V: float = Field(1.0, ge=0, le=10)
    noise: float = Field(1.0, ge=0, le=10)
    layout: Literal["deap", "raw"] = "deap"
    streams: tuple[SimulatedStream, ...] = Field(DEAP_STREAMS, min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.layout == "deap" and self.streams != DEAP_STREAMS:
            raise ValueError("layout 'deap' has DEAP's own 40 channels: leave streams out, or set layout: raw")
        modalities = [stream.modality for stream in self.streams]
        if len(set(modalities)) != len(modalities):
            raise ValueError("streams: a modality is listed twice")
        for name in ("rest", "seconds"):
            for stream in self.streams:
                samples = getattr(self, name) * stream.rate
                if abs(samples - round(samples)) > 1e-6:
                    raise ValueError(
                        f"{name} {getattr(self, name)} s is no whole number of samples at "
                        f"{stream.modality}'s {stream.rate:g} Hz"
                    )
        return self

    @property
    def person_names(self) -> tuple[str, ...]:
        """Names of the people, from s01 on."""
        return tuple(f"s{number:02d}" for number in range(1, self.subjects + 1))

    @property
    def stimulus_names(self) -> tuple[str, ...]:
        """Names of the stimuli, from 01 on."""
        return tuple(deap_layout.stimulus_name(index) for index in range(self.stimuli))

    def random(self, purpose: int, *key: int, part: str) -> np.random.Generator:
        """Return the random stream of one part of a person, stimulus or trial.

        It depends on the seed and its own key alone: neither the number of people or stimuli, nor the order in
        which they are made, nor the other streams change it.
        """
        sequence = np.random.SeedSequence(self.seed, spawn_key=(purpose, *key, PARTS[part]))
        return np.random.Generator(np.random.PCG64(sequence))
