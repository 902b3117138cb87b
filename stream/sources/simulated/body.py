"""Simulated skin conductance, breathing, temperature, pulse and muscle, each in its natural unit."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from memhacl.stream.sources.simulated.latents import feeling
from memhacl.stream.sources.simulated.noise import Floats, Piece, band_noise, common_course, engagement, events
from memhacl.stream.sources.simulated.people import PERSON

SLOW: Final = (0.01, 0.08)  # Hz: drifts over tens of seconds
PULSE: Final = ((0.0, 9.0, 1.0), (2.1, 4.0, 0.35))  # systolic and dicrotic wave: phase (rad), sharpness, height
HEARTBEAT: Final = (  # P, Q, R, S and T: phase (rad), sharpness, height (µV)
    (-1.0, 60.0, 120.0),
    (-0.13, 900.0, -120.0),
    (0.0, 900.0, 1000.0),
    (0.14, 900.0, -220.0),
    (1.6, 25.0, 280.0),
)


def _arousal(piece: Piece, rate: float) -> Floats:
    """Return E times the arousal as it shows at each sample, (samples,): the latent's, and the common course."""
    latent = feeling(piece.people, piece.person, piece.stimulus).planted["arousal"]
    shown: Floats = piece.people.E * (latent * engagement(piece, rate) + common_course(piece, rate)[1])
    return shown


def skin_conductance(piece: Piece, rate: float) -> Floats:
    """Return skin conductance in µS, (samples,): a tonic level that drifts, and phasic responses.

    Arousal raises the number of responses and lets the level climb; shared moments of the stimulus evoke
    responses in most people (S).
    """
    people, random = piece.people, piece.random("GSR")
    person = people.random(PERSON, piece.person, part="GSR").standard_normal(3)
    level = 5.0 * np.exp(0.4 * person[0] + 0.08 * people.F * random.standard_normal())
    drift = 0.03 * level * band_noise(random, piece.duration, rate, SLOW)[0]
    aroused = _arousal(piece, rate)
    climb = 0.003 * level * np.cumsum(aroused) / rate
    times = piece.times(rate)
    phasic = np.zeros(len(times))
    size = 0.06 * level * np.exp(0.2 * person[1])
    for moment in _responses(piece, aroused.mean(), 5.0 * np.exp(0.3 * person[2]), random):
        phasic += size * np.exp(0.5 * random.standard_normal()) * _response(times - moment)
    sensor = people.noise * 0.002 * random.standard_normal(len(times))
    skin: Floats = np.maximum(level + drift + climb + phasic, 0.2) + sensor
    return skin


def _responses(piece: Piece, aroused: float, per_minute: float, random: np.random.Generator) -> Floats:
    """Return when skin responses begin, in seconds, (responses,): spontaneous, from arousal, from the stimulus."""
    before = 15.0  # responses that began earlier still fade when the piece begins
    spontaneous = events(random, before + piece.onset, per_minute) - before
    during = piece.duration - piece.onset
    evoked = piece.onset + events(random, during, per_minute * float(np.exp(0.6 * np.clip(aroused, -3, 3))))
    shared = events(piece.shared_random("GSR"), piece.people.seconds, 4.0)
    follows = random.uniform(size=len(shared)) < min(1.0, 0.6 * piece.people.S)
    locked = piece.onset + shared[follows] + 1.5 + 0.2 * random.standard_normal(int(follows.sum()))
    return np.concatenate([spontaneous, evoked, locked])


def _response(since: Floats) -> Floats:
    """Return one skin response of height 1, (samples,): 0.7 s up, some 4 s down."""
    late = np.maximum(since, 0.0)
    return (np.exp(-late / 4.0) - np.exp(-late / 0.7)) / 0.606


def breathing(piece: Piece, rate: float) -> tuple[Floats, Floats]:
    """Return the breath's phase in rad and its depth as a factor, each (samples,).

    Rate and depth wander; arousal makes breaths faster and shallower; the stimulus moves all alike (S).
    """
    people, random = piece.people, piece.random("Resp")
    person = people.random(PERSON, piece.person, part="Resp").standard_normal(4)
    aroused = _arousal(piece, rate)
    shared = np.zeros(piece.samples(rate))
    course = band_noise(piece.shared_random("Resp"), people.seconds, rate, (0.05, 0.3))[0]
    shared[piece.stimulus_slice(rate)] = course * np.exp(0.3 * person[3])
    wander = band_noise(random, piece.duration, rate, (0.01, 0.15), 2)
    trial = people.F * 0.05 * random.standard_normal(2)
    start = random.uniform(0, 2 * np.pi)
    per_minute = 15 * np.exp(
        0.12 * person[0] + trial[0] + 0.10 * wander[0] + 0.10 * aroused + 0.10 * people.S * shared
    )
    depth = np.exp(0.3 * person[1] + trial[1] + 0.15 * wander[1] - 0.06 * aroused)
    return start + 2 * np.pi * np.cumsum(per_minute) / 60 / rate, depth


def respiration(piece: Piece, rate: float) -> Floats:
    """Return a breathing belt's signal in a.u., (samples,): breathing in is quicker than breathing out."""
    phase, depth = breathing(piece, rate)
    random = piece.random("belt")
    drift = 40 * band_noise(random, piece.duration, rate, (0.01, 0.05))[0]
    noise = piece.people.noise * 3 * random.standard_normal(len(phase))
    belt: Floats = 400 * depth * np.sin(phase + 0.4 * np.sin(phase)) + drift + noise
    return belt


def temperature(piece: Piece, rate: float) -> Floats:
    """Return skin temperature in °C, (samples,): hands cool slowly while arousal lasts."""
    people, random = piece.people, piece.random("Temp")
    person = people.random(PERSON, piece.person, part="Temp").standard_normal()
    level = 33.0 + 1.0 * person + people.F * 0.15 * random.standard_normal()
    drift = 0.05 * band_noise(random, piece.duration, rate, SLOW)[0]
    cooling = 0.004 * np.cumsum(_arousal(piece, rate)) / rate
    noise = people.noise * 0.002 * random.standard_normal(piece.samples(rate))
    skin: Floats = level + drift - cooling + noise
    return skin


def _beats(piece: Piece, rate: float) -> Floats:
    """Return the heart's phase in rad, (samples,): a beat at each multiple of 2π, quicker with each breath in."""
    people, random = piece.people, piece.random("ECG")
    person = people.random(PERSON, piece.person, part="ECG").standard_normal(2)
    phase, depth = breathing(piece, rate)
    wander = band_noise(random, piece.duration, rate, (0.04, 0.15))[0]  # the slow waves of blood pressure
    trial, start = people.F * 0.03 * random.standard_normal(), random.uniform(0, 2 * np.pi)
    sinus = 0.04 * np.exp(0.3 * person[1]) * depth * np.sin(phase)
    per_minute = 70 * np.exp(0.12 * person[0] + trial + 0.03 * wander + sinus + 0.05 * _arousal(piece, rate))
    return start + 2 * np.pi * np.cumsum(per_minute) / 60 / rate


def _waves(phase: Floats, bumps: tuple[tuple[float, float, float], ...]) -> Floats:
    """Return bumps at fixed phases of the beat, (samples,)."""
    total = np.zeros(len(phase))
    for centre, sharpness, height in bumps:
        total += height * np.exp(sharpness * (np.cos(phase - centre) - 1))
    return total


def pulse(piece: Piece, rate: float) -> Floats:
    """Return a plethysmograph's signal in a.u., (samples,): smaller while arousal narrows the vessels."""
    random = piece.random("BVP")
    person = piece.people.random(PERSON, piece.person, part="BVP").standard_normal()
    size = 600 * np.exp(0.25 * person - 0.10 * _arousal(piece, rate))
    baseline = 60 * band_noise(random, piece.duration, rate, (0.05, 0.4))[0]
    noise = piece.people.noise * 5 * random.standard_normal(piece.samples(rate))
    light: Floats = size * (_waves(_beats(piece, rate), PULSE) - 0.35) + baseline + noise
    return light


def heart(piece: Piece, rate: float) -> Floats:
    """Return ECG in µV, (samples,)."""
    random = piece.random("leads")
    person = piece.people.random(PERSON, piece.person, part="leads").standard_normal()
    baseline = 60 * band_noise(random, piece.duration, rate, (0.05, 0.4))[0]
    noise = piece.people.noise * 8 * random.standard_normal(piece.samples(rate))
    leads: Floats = np.exp(0.2 * person) * _waves(_beats(piece, rate), HEARTBEAT) + baseline + noise
    return leads


def muscle(piece: Piece, channels: int, rate: float) -> Floats:
    """Return surface EMG in µV, (samples, channels): noise in bursts; no emotion is planted in it."""
    random = piece.random("EMG")
    person = piece.people.random(PERSON, piece.person, part="EMG").standard_normal()
    bursts = band_noise(random, piece.duration, rate, (0.05, 1.0), channels)
    activity = band_noise(random, piece.duration, rate, (20.0, 150.0), channels)
    noise = piece.people.noise * 1.0 * random.standard_normal(activity.shape)
    return (np.exp(1.5 + 0.3 * person + 0.7 * bursts) * activity + noise).T  # (samples, channels)


BODY: Final[Mapping[str, Callable[[Piece, float], Floats]]] = {
    "GSR": skin_conductance,
    "Resp": respiration,
    "Temp": temperature,
    "ECG": heart,
    "BVP": pulse,
}
