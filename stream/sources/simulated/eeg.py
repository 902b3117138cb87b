"""Simulated EEG and EOG in µV: rhythms with person-specific spectra, mixed smoothly over the scalp."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.signal import butter, sosfiltfilt

from memhacl.stream import montage
from memhacl.stream.sources.simulated.latents import feeling
from memhacl.stream.sources.simulated.noise import (
    Floats,
    Piece,
    band_noise,
    common_course,
    engagement,
    events,
    shaped_noise,
    smooth_step,
)
from memhacl.stream.sources.simulated.people import PERSON, People

SOURCES: Final = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2 Fz Pz".split()
WIDTHS: Final = np.array([0.45] * 19 + [1.1] * 2)  # radians: 19 patches of cortex and two deep, wide sources
EDGES: Final = np.array([0.5, 4.0, 8.0, 13.0, 30.0, 60.0])  # Hz: delta, theta, alpha, beta, gamma
THETA, ALPHA, BETA, GAMMA = 1, 2, 3, 4
BLINK_EEG: Final = 0.5  # of a blink's size at the eye reaches Fpz
STIMULUS_SOURCES: Final = 4


@dataclass(frozen=True)
class Brain:
    """One person's fingerprint in the EEG; K sources, 5 bands."""

    level: float  # overall size, a factor
    slope: float  # of the background's 1/f fall
    alpha_peak: float  # Hz
    rhythms: Floats  # (K, 3): heights of the theta, alpha and beta peaks over the background
    gains: Floats  # (K, 5): log amplitude by source and band
    places: Floats  # (K, 3): where the sources lie, unit vectors
    arousal: Floats  # (K, 5): change of log amplitude for one standard deviation of the latent
    valence: Floats  # (K, 5)
    stimulus_gain: float  # how strongly the brain follows what is shown


@lru_cache(maxsize=64)
def brain(people: People, person: int) -> Brain:
    """Return the person's fingerprint, drawn from that person's random stream alone."""
    random = people.random(PERSON, person, part="EEG")
    count = len(SOURCES)
    places = montage.positions(SOURCES)
    back = np.clip(0.5 - places[:, 1], 0.1, 1.5)  # alpha is largest at the back of the head
    middle = np.exp(-((places[:, 0] / 0.4) ** 2)) * np.clip(0.6 + places[:, 1], 0.1, 1.2)  # theta: frontal midline
    heights = np.stack([1.2 * middle, 4.0 * back, np.full(count, 0.8)], axis=1)  # (K, 3)
    moved = places + 0.08 * random.standard_normal(places.shape)
    arousal, valence = _effects(places)
    expressiveness = np.exp(0.2 * random.standard_normal(2))
    return Brain(
        level=float(np.exp(0.15 * random.standard_normal())),
        slope=float(np.clip(1.1 + 0.2 * random.standard_normal(), 0.6, 1.8)),
        alpha_peak=float(np.clip(10.0 + 0.9 * random.standard_normal(), 8.0, 12.5)),
        rhythms=heights * np.exp(0.35 * random.standard_normal(3)),
        gains=0.12 * random.standard_normal(5) + 0.10 * random.standard_normal((count, 5)),
        places=moved / np.linalg.norm(moved, axis=1, keepdims=True),
        arousal=expressiveness[0] * (arousal + 0.03 * random.standard_normal((count, 5))),
        valence=expressiveness[1] * (valence + 0.03 * random.standard_normal((count, 5))),
        stimulus_gain=float(np.exp(0.3 * random.standard_normal())),
    )


def _effects(places: Floats) -> tuple[Floats, Floats]:
    """Return what arousal and valence do to log amplitude in everybody, each (K, 5)."""
    right = places[:, 0]
    front, back = np.clip(places[:, 1], 0.0, None), np.clip(-places[:, 1], 0.0, None)
    arousal, valence = np.zeros((len(places), 5)), np.zeros((len(places), 5))
    arousal[:, ALPHA], arousal[:, BETA], arousal[:, GAMMA] = -0.25, 0.18, 0.25
    valence[:, ALPHA] = 0.68 * right * front  # positive: less alpha on the left of the forehead
    valence[:, THETA] = -0.58 * right * back
    valence[:, BETA] = 0.58 * right * back
    return arousal, valence


def eeg(piece: Piece, channels: Sequence[str], rate: float, blinks: float = 1.0) -> Floats:
    """Return raw EEG in µV, (samples, channels); ``blinks`` is the part of the eyes' artefact that is left."""
    people, traits = piece.people, brain(piece.people, piece.person)
    electrodes = montage.positions(channels)
    random = piece.random("EEG")
    rhythms = _rhythms(piece, traits, random, rate)  # (K, samples)
    wave = spread(electrodes, traits.places, WIDTHS) @ rhythms  # (channels, samples)
    wave += people.S * traits.stimulus_gain * _followed(piece, electrodes, rate)
    wave += blinks * _from_eyes(piece, electrodes, rate)
    wave += people.noise * 0.8 * random.standard_normal(wave.shape)
    return wave.T  # (samples, channels)


def spread(electrodes: Floats, places: Floats, widths: Floats) -> Floats:
    """Return how strongly each source shows at each electrode, (electrodes, sources): smooth over the scalp."""
    weights: Floats = np.exp(-0.5 * (montage.angles(electrodes, places) / widths) ** 2)
    return weights


def _rhythms(piece: Piece, traits: Brain, random: np.random.Generator, rate: float) -> Floats:
    """Return the sources' activity in µV, (K, samples): at rest, and changed by emotion while it shows."""
    people = piece.people
    latents = feeling(people, piece.person, piece.stimulus).planted
    # The trial's fingerprint: vigilance, posture and electrodes on that day, from its first second to its last.
    trial = people.F * (0.06 * random.standard_normal(5) + 0.06 * random.standard_normal((len(SOURCES), 5)))
    emotion = people.E * (latents["arousal"] * traits.arousal + latents["valence"] * traits.valence)  # (K, 5)
    samples = piece.samples(rate)
    frequencies: Floats = np.arange(samples // 2 + 1) * rate / samples
    rest = _density(traits, frequencies) * np.exp(trial @ _bands(frequencies))  # (K, bins)
    variants = [rest, rest * np.exp(emotion @ _bands(frequencies))]
    if people.C:  # and, to first order, what one deviation more of valence or of arousal changes
        variants += [
            rest * (people.E * effect @ _bands(frequencies)) for effect in (traits.valence, traits.arousal)
        ]
    calm, moved, *changes = shaped_noise(random, np.stack(variants), samples, rate)
    faded: Floats = calm + engagement(piece, rate) * (moved - calm)
    for course, change in zip(common_course(piece, rate), changes, strict=False):
        faded += course * change
    return faded


def _density(traits: Brain, frequencies: Floats) -> Floats:
    """Return each source's amplitude density in µV/√Hz, (K, bins)."""
    power = (np.maximum(frequencies, 0.3) / 10) ** -traits.slope  # (bins,)
    peak = traits.alpha_peak
    centres, widths = np.array([0.6 * peak, peak, 2.1 * peak]), np.array([0.9, 1.1, 3.5])
    bumps = np.exp(-0.5 * ((frequencies - centres[:, None]) / widths[:, None]) ** 2)  # (3, bins)
    amplitude = np.sqrt(power * (1 + traits.rhythms @ bumps))  # (K, bins)
    density: Floats = 0.8 * traits.level * amplitude * np.exp(traits.gains @ _bands(frequencies))
    return density


def _bands(frequencies: Floats) -> Floats:
    """Return how much each frequency belongs to each band, (5, bins): 1 inside, with soft edges."""
    rise = 1 / (
        1 + np.exp(-np.clip((frequencies - EDGES[:, None]) / (0.06 * EDGES[:, None]), -50, 50))
    )  # (6, bins)
    belongs: Floats = rise[:-1] - rise[1:]
    return belongs


def _followed(piece: Piece, electrodes: Floats, rate: float) -> Floats:
    """Return the stimulus-locked part in µV, (channels, samples): the same course in all people."""
    random = piece.shared_random("EEG")
    seconds = piece.people.seconds
    towards = random.standard_normal((STIMULUS_SOURCES, 3)) + np.array([0.0, -0.8, 0.4])  # mostly at the back
    places = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    course = 2.0 * band_noise(random, seconds, rate, (2.0, 16.0), STIMULUS_SOURCES)  # (4, stimulus samples)
    times = np.arange(course.shape[1]) / rate
    course *= smooth_step(times, 0.0, 0.5) * (1 - smooth_step(times, seconds - 0.5, 0.5))
    wave = np.zeros((len(electrodes), piece.samples(rate)))
    wave[:, piece.stimulus_slice(rate)] = spread(electrodes, places, np.full(STIMULUS_SOURCES, 0.6)) @ course
    return wave


def eyes(piece: Piece, rate: float) -> tuple[Floats, Floats]:
    """Return the eyes' movements in µV at the eye, each (samples,): to the sides, and blinks."""
    person = piece.people.random(PERSON, piece.person, part="eyes")
    per_minute, size = 15 * np.exp(0.4 * person.standard_normal()), 180 * np.exp(0.2 * person.standard_normal())
    random, times = piece.random("eyes"), piece.times(rate)
    blinks = np.zeros(len(times))
    for moment in events(random, piece.duration, per_minute):
        away = times - moment
        height = size * np.exp(0.15 * random.standard_normal())
        blinks += height * np.exp(-0.5 * (away / np.where(away < 0, 0.05, 0.09)) ** 2)
    looks = events(random, piece.duration, 90.0)
    gaze = 40 * random.standard_normal(len(looks) + 1)[np.searchsorted(looks, times)]
    window = np.hanning(max(3, round(0.05 * rate)) + 2)  # a saccade takes some 50 ms
    padded = np.pad(gaze, len(window), mode="edge")
    return np.convolve(padded, window / window.sum(), "same")[len(window) : -len(window)], blinks


def _from_eyes(piece: Piece, electrodes: Floats, rate: float) -> Floats:
    """Return what the eyes add to the EEG in µV, (channels, samples): largest at the front."""
    sideways, blinks = eyes(piece, rate)
    front = spread(electrodes, montage.positions(["Fpz", "F7", "F8"]), np.array([0.5, 0.4, 0.4]))  # (channels, 3)
    added: Floats = np.outer(BLINK_EEG * front[:, 0], blinks)
    return added + np.outer(0.2 * (front[:, 2] - front[:, 1]), sideways)


def eog(piece: Piece, channels: Sequence[str], rate: float) -> Floats:
    """Return EOG in µV, (samples, channels): labels beginning with h are horizontal, others vertical."""
    sideways, blinks = eyes(piece, rate)
    random = piece.random("EOG")
    rows = [sideways if label.lower().startswith("h") else blinks + 0.2 * sideways for label in channels]
    drift = 10 * band_noise(random, piece.duration, rate, (0.02, 0.5), len(channels))
    noise = piece.people.noise * 3 * random.standard_normal((len(channels), piece.samples(rate)))
    return (np.array(rows) + drift + noise).T  # (samples, channels)


def processed_as_deap(wave: Floats, rate: float) -> Floats:
    """Return EEG in µV, (samples, channels), after 4–45 Hz without phase and with the average reference."""
    sections = butter(4, (4.0, 45.0), "bandpass", fs=rate, output="sos")
    filtered: Floats = sosfiltfilt(sections, wave, axis=0)
    referenced: Floats = filtered - filtered.mean(axis=1, keepdims=True)
    return referenced
