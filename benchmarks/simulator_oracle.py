"""Print how well an oracle, and band power with LDA, tell the ratings of simulated people never seen.

    python benchmarks/simulator_oracle.py [--seeds N]

All figures are about simulated people. The oracle knows the planted latent; what it misses is the ratings' bias
and noise. LDA sees single 1-s windows of simulated EEG (log power in four bands of 32 channels), and is
tested on other people and other stimuli than it was trained on.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from memhacl.stream.sources.simulated.eeg import eeg, processed_as_deap
from memhacl.stream.sources.simulated.latents import PLANTED, feeling
from memhacl.stream.sources.simulated.noise import Piece
from memhacl.stream.sources.simulated.people import People

BANDS = ((4, 8), (8, 13), (13, 30), (30, 45))  # Hz
SECONDS = 20
TRAIN_PEOPLE, TEST_PEOPLE = 12, 12
TRAIN_STIMULI, TEST_STIMULI = 24, 16


def main() -> None:
    """Print the oracle's table and LDA's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="simulated worlds to average over")
    parser.add_argument("--effects", type=float, nargs="+", default=[0.0, 0.5, 1.0, 2.0], help="values of E")
    arguments = parser.parse_args()
    print(f"simulated people, {arguments.seeds} worlds; single 1-s windows, {SECONDS} s a trial")
    print(f"train: {TRAIN_PEOPLE} people x {TRAIN_STIMULI} stimuli; test: {TEST_PEOPLE} x {TEST_STIMULI} others")
    print("E      scale     rated high  oracle  LDA accuracy  LDA balanced  (standard deviation over worlds)")
    for effect in arguments.effects:
        worlds = [world(effect, seed) for seed in range(arguments.seeds)]
        for scale in PLANTED:
            figures = np.array([results[scale] for results in worlds])
            mean, deviation = figures.mean(axis=0), figures.std(axis=0)
            print(f"{effect:<6g} {scale:<9} {mean[0]:10.3f} {mean[1]:7.3f} {mean[2]:13.3f} {mean[3]:13.3f}  "
                  f"({deviation[2]:.3f})")  # fmt: skip


def world(effect: float, seed: int) -> dict[str, tuple[float, float, float, float]]:
    """Measure one world; per scale: share rated high, oracle's, LDA's and LDA's balanced accuracy."""
    people = People(
        subjects=TRAIN_PEOPLE + TEST_PEOPLE,
        stimuli=TRAIN_STIMULI + TEST_STIMULI,
        seconds=SECONDS,
        seed=seed,
        E=effect,
    )
    train = windows(people, range(TRAIN_PEOPLE), range(TRAIN_STIMULI))
    test = windows(people, range(TRAIN_PEOPLE, people.subjects), range(TRAIN_STIMULI, people.stimuli))
    results = {}
    for column, scale in enumerate(PLANTED):
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(train[0], train[1][:, column])
        right = model.predict(test[0]) == test[1][:, column]
        balanced = np.mean([right[test[1][:, column] == label].mean() for label in (False, True)])
        results[scale] = (*oracle(people, scale), float(right.mean()), float(balanced))
    return results


def oracle(people: People, scale: str) -> tuple[float, float]:
    """Return the share of ratings above 5 and how often the latent's sign agrees, over 100 people."""
    many = people.model_copy(update={"subjects": 100})
    felt = [feeling(many, person, s) for person in range(many.subjects) for s in range(many.stimuli)]
    high = np.array([one.ratings[scale] > 5 for one in felt])
    positive = np.array([one.planted[scale] > 0 for one in felt])
    return float(high.mean()), float((high == positive).mean())


def windows(people: People, persons: range, stimuli: range) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return log band powers (windows, 128) and whether each scale was rated high (windows, 2)."""
    features, high = [], []
    for power, ratings in _trials(people, persons, stimuli):
        features.append(power)
        high.append(np.tile([ratings[scale] > 5 for scale in PLANTED], (len(power), 1)))
    return np.concatenate(features), np.concatenate(high)


def _trials(
    people: People, persons: range, stimuli: range
) -> Iterator[tuple[NDArray[np.float64], dict[str, float]]]:
    stream = people.streams[0]
    for person in persons:
        for stimulus in stimuli:
            piece = Piece(people, person, stimulus)
            signal = processed_as_deap(eeg(piece, stream.channels, stream.rate, blinks=0.1), stream.rate)
            shown = signal[piece.stimulus_slice(stream.rate)]  # (samples, channels)
            yield log_band_power(shown, round(stream.rate)), feeling(people, person, stimulus).ratings


def log_band_power(signal: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Return log power of 1-s windows, (windows, bands x channels), from µV (samples, channels)."""
    seconds = signal[: len(signal) // rate * rate].reshape(
        -1, rate, signal.shape[1]
    )  # (windows, samples, channels)
    spectrum = np.abs(np.fft.rfft(seconds * np.hanning(rate)[:, None], axis=1)) ** 2  # bins are 1 Hz apart
    bands = [spectrum[:, low:high].sum(axis=1) for low, high in BANDS]
    return np.log(np.concatenate(bands, axis=1))  # (windows, bands * channels)


if __name__ == "__main__":
    main()
