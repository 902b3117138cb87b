"""Random building blocks of simulated signals: a piece of time, band-limited noise and shaped noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.sources.simulated.people import STIMULUS, TRIAL, People

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """The time around one trial: ``lead`` seconds, rest, stimulus, ``tail`` seconds; all by index."""

    people: People
    person: int
    stimulus: int
    lead: float = 0.0
    tail: float = 0.0

    @property
    def onset(self) -> float:
        """When the stimulus begins, in seconds from the piece's start."""
        return self.lead + self.people.rest

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.onset + self.people.seconds + self.tail

    def samples(self, rate: float) -> int:
        """Count the samples at ``rate`` Hz."""
        return round(self.duration * rate)

    def times(self, rate: float) -> Floats:
        """Times of the samples from the piece's start in seconds, (samples,)."""
        return np.arange(self.samples(rate)) / rate

    def stimulus_slice(self, rate: float) -> slice:
        """Return the samples during which the stimulus is shown."""
        first = round(self.onset * rate)
        return slice(first, first + round(self.people.seconds * rate))

    def random(self, part: str) -> np.random.Generator:
        """Return this trial's own random stream for ``part``."""
        return self.people.random(TRIAL, self.person, self.stimulus, part=part)

    def shared_random(self, part: str) -> np.random.Generator:
        """Return the stimulus's random stream for ``part``, the same for all people."""
        return self.people.random(STIMULUS, self.stimulus, part=part)


def band_noise(
    random: np.random.Generator, duration: float, rate: float, band: tuple[float, float], rows: int = 1
) -> Floats:
    """Return Gaussian noise of unit variance between the band's edges in Hz, (rows, samples).

    The same random stream gives the same waveform at any rate: what is drawn are the coefficients of a Fourier
    series over ``duration``, whose frequencies are multiples of 1/duration and so fall on no common whole hertz.
    """
    samples = round(duration * rate)
    first = max(1, int(np.ceil(band[0] * duration)))
    count = max(1, int(np.floor(band[1] * duration)) - first + 1)
    drawn = random.standard_normal((count, rows, 2))
    spectrum = np.zeros((rows, samples // 2 + 1), dtype=np.complex128)
    kept = drawn[: max(0, spectrum.shape[1] - 1 - first)]  # (bins, rows, 2): what the rate can hold
    bins = slice(first, first + len(kept))
    spectrum[:, bins] = (kept[..., 0] + 1j * kept[..., 1]).T  # (rows, bins)
    wave: Floats = np.fft.irfft(spectrum, samples) * (samples / 2 / np.sqrt(count))
    return wave


def shaped_noise(random: np.random.Generator, density: Floats, samples: int, rate: float) -> Floats:
    """Return Gaussian noise with the amplitude densities (variants, rows, bins) in unit/√Hz.

    The result is (variants, rows, samples). The variants of a row are made from the same random numbers, so that
    one can fade from one into another.
    """
    drawn = random.standard_normal((*density.shape[1:], 2))
    spectrum = (drawn[..., 0] + 1j * drawn[..., 1]) * density  # (variants, rows, bins)
    spectrum[..., 0] = 0.0
    wave: Floats = np.fft.irfft(spectrum, samples) * (np.sqrt(rate / samples) * samples / 2)
    return wave


def smooth_step(times: Floats, start: float, seconds: float) -> Floats:
    """Rise from 0 to 1 with a cosine's shape within ``seconds`` after ``start``, (samples,)."""
    phase = np.clip((times - start) / seconds, 0.0, 1.0)
    return 0.5 - 0.5 * np.cos(np.pi * phase)


def engagement(piece: Piece, rate: float) -> Floats:
    """How far the emotion shows at each sample, (samples,): 0 at rest, about 1 from 2 s into the stimulus.

    It waxes and wanes over some ten seconds, alike in all modalities of the trial.
    """
    times = piece.times(rate)
    end = piece.onset + piece.people.seconds
    wax = 1 + 0.25 * band_noise(piece.random("engagement"), piece.duration, rate, (0.03, 0.2))[0]
    shown: Floats = (
        smooth_step(times, piece.onset, 2.0) * (1 - smooth_step(times, end, 2.0)) * np.clip(wax, 0.0, 2.0)
    )
    return shown


def common_course(piece: Piece, rate: float) -> Floats:
    """How the stimulus moves everybody's valence and arousal, (2, samples), in deviations of the latents.

    Ups and downs over 2 to 20 s whose mean over the stimulus is zero: they say which second it is, and nothing of
    what a person will answer. S and C scale them; both are 0 outside the stimulus.
    """
    people = piece.people
    course = np.zeros((2, piece.samples(rate)))
    if people.S * people.C:
        times = np.arange(round(people.seconds * rate)) / rate
        edges = smooth_step(times, 0.0, 0.5) * (1 - smooth_step(times, people.seconds - 0.5, 0.5))
        waves = band_noise(piece.shared_random("course"), people.seconds, rate, (0.05, 0.5), 2)
        course[:, piece.stimulus_slice(rate)] = people.S * people.C * edges * waves
    return course


def events(random: np.random.Generator, duration: float, per_minute: float) -> Floats:
    """Return sorted times in seconds, (events,), of a Poisson process over ``duration``."""
    count = random.poisson(per_minute * duration / 60)
    return np.sort(random.uniform(0.0, duration, count))
