"""How sure a number is: the crossed bootstrap over people and stimuli, the two things that a study samples."""

from dataclasses import dataclass

import numpy as np

from memhacl.train.measure.predictions import Floats, Names, Numbers

PEOPLE, STIMULI = "people", "stimuli"
_LEVEL = 95.0  # percent
_STREAM = 0xB007  # second word of the seed


@dataclass(frozen=True)
class Draws:
    """Resamples of a test's people and stimuli.

    ``people`` (n, people) and ``stimuli`` (n, stimuli) say how often each was drawn, always 1 for what is not
    among ``factors``, the things that are resampled; ``subject`` and ``stimulus`` (trials,) are places in them.
    """

    people: Floats
    stimuli: Floats
    subject: Numbers
    stimulus: Numbers
    factors: tuple[str, ...]

    @property
    def weights(self) -> Floats:
        """Weight (n, trials) of each trial: how often its person was drawn times how often its stimulus."""
        return self.people[:, self.subject] * self.stimuli[:, self.stimulus]

    def interval(self, values: Floats) -> list[float] | None:
        """Return the 95 % interval, low and high, of a measure's ``values`` (n,) over the resamples.

        None where nothing was resampled, or where most resamples leave the measure undefined.
        """
        defined = values[~np.isnan(values)]
        if not self.factors or 2 * len(defined) < len(values):
            return None
        low, high = np.percentile(defined, [50 - _LEVEL / 2, 50 + _LEVEL / 2])
        return [float(low), float(high)]


def draw(subject: Names, stimulus: Names, truth: Numbers, resamples: int, seed: int) -> Draws:
    """Draw people and stimuli independently, with replacement, ``resamples`` times; the arrays are (trials,).

    Windows of one trial are nearly copies of one another: an interval over windows would be several times too
    narrow. A trial's weight in a resample is how often its person was drawn times how often its stimulus was, so
    that a study with other people *and* other stimuli is imitated.

    With few people or stimuli (below ten or so) the interval is too narrow: resamples of n units vary less than n
    new ones, by the factor (n - 1) / n of the variance, and percentiles know nothing of Student's t. Where trials
    differ by noise alone it is, on the other hand, up to 1.7 times too wide, as that is drawn in both directions.

    A factor with fewer than two units is not resampled; nor are stimuli where a class is that of one stimulus
    alone, and always that stimulus's (conditions, flicker): they are then the question, not a sample of possible
    ones, and the interval is about other people and these stimuli. A class that is merely rare, so that one
    stimulus got it, is none of these. With nothing to resample there is no interval.
    """
    names, person = np.unique(subject, return_inverse=True)
    films, film = np.unique(stimulus, return_inverse=True)
    factors = _factors(len(names), film, truth)
    rng = np.random.default_rng([seed, _STREAM])
    people = _counts(rng, resamples, len(names), PEOPLE in factors)
    stimuli = _counts(rng, resamples, len(films), STIMULI in factors)
    return Draws(people, stimuli, person.astype(np.int64), film.astype(np.int64), factors)


def _factors(people: int, film: Numbers, truth: Numbers) -> tuple[str, ...]:
    films, classes = np.unique(np.stack([film, truth]), axis=1)  # the pairs that occur, (pairs,) each
    alone = (np.bincount(films)[films] == 1) & (np.bincount(classes)[classes] == 1)  # each other's only one
    several = len(np.unique(films)) > 1 and not alone.any()
    return (*((PEOPLE,) if people > 1 else ()), *((STIMULI,) if several else ()))


def _counts(rng: np.random.Generator, resamples: int, units: int, drawn: bool) -> Floats:
    if not drawn:
        return np.ones((resamples, units))
    return rng.multinomial(units, np.full(units, 1 / units), size=resamples).astype(np.float64)
