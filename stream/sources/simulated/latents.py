"""What simulated people feel and what they answer: planted latents and ratings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.sources.deap.layout import SCALES
from memhacl.stream.sources.simulated.people import PERSON, STIMULUS, TRIAL, People

# Rating points for one standard deviation: the latent against everything else gives an oracle of 0.80.
LATENT, BIAS, MEAN, NOISE = 1.6, 0.5, 0.6, 0.85
PLANTED = ("valence", "arousal")  # the other scales' latents show in no signal


@dataclass(frozen=True)
class Feeling:
    """One person's trial: the latents (standard normal) that the signals carry, and the ratings (1–9)."""

    planted: dict[str, float]
    ratings: dict[str, float]


def feeling(people: People, person: int, stimulus: int) -> Feeling:
    """Return latents and ratings of the trial in which ``person`` watched ``stimulus`` (both by index).

    rating = clip(5 + B·0.5·b(person) + V·0.6·m(stimulus) + E·1.6·z + noise·0.85·n, 1, 9), to two decimals.
    """
    bias = people.random(PERSON, person, part="ratings").standard_normal(len(SCALES))
    mean = people.random(STIMULUS, stimulus, part="ratings").standard_normal(len(SCALES))
    random = people.random(TRIAL, person, stimulus, part="ratings")
    latent = random.standard_normal(len(SCALES)).round(6)
    unexplained = random.standard_normal(len(SCALES))
    expressed = np.array([people.E if scale in PLANTED else 1.0 for scale in SCALES])
    rating = 5 + people.B * BIAS * bias + people.V * MEAN * mean
    rating += LATENT * expressed * latent + people.noise * NOISE * unexplained
    answers: NDArray[np.float64] = np.clip(rating, 1.0, 9.0).round(2)
    return Feeling(
        {scale: float(latent[SCALES.index(scale)]) for scale in PLANTED},
        {scale: float(answer) for scale, answer in zip(SCALES, answers, strict=True)},
    )
