"""Features of the body's other signals: level, slope, spread, and what skin and breath are known by."""

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.spec import ModalitySpec

SKIN_RATE = 4.0  # Hz to which conductance is averaged before its rises are counted: responses take seconds
BREATHS = (0.1, 0.6)  # Hz
BREATH_SECONDS = 10.0  # of a window in which a rate of breathing can be told
_RISE = 0.1  # of the largest rise: smaller ones are noise
_FLOOR = 1e-12

Floats = NDArray[np.float64]


def body_features(windows: Floats, modality: ModalitySpec, rate: float) -> Floats:
    """Features (rows, columns) of one modality's windows (rows, channels, samples) at ``rate`` Hz.

    Mean, slope over the window and log deviation of each channel; of GSR also how many rises of conductance there
    are and how much it rises in all, of Resp the rate and log depth of breathing, where windows are long enough.
    """
    columns = [_shape(windows)]
    seconds = windows.shape[2] / rate
    if modality.modality == "GSR":
        resists = modality.unit.endswith("ohm")
        columns.append(rises(-windows if resists else windows, rate))
    if modality.modality == "Resp" and seconds >= BREATH_SECONDS:
        columns.append(breathing(windows, rate))
    return np.concatenate(columns, axis=1)


def _shape(windows: Floats) -> Floats:
    time = np.linspace(-1, 1, windows.shape[2]) if windows.shape[2] > 1 else np.ones(1)
    slope = windows @ time / (time @ time)
    deviation = np.log(windows.std(axis=2) + _FLOOR)
    return np.concatenate([windows.mean(axis=2), slope, deviation], axis=1)


def rises(windows: Floats, rate: float) -> Floats:
    """Number of rises, and their sum, (rows, 2 channels), of windows (rows, channels, samples).

    A rise is an unbroken climb, after averaging to `SKIN_RATE`, of at least a tenth of the largest one.
    """
    block = max(1, round(rate / SKIN_RATE))
    samples = windows.shape[2] // block * block
    slow = windows[:, :, :samples].reshape(*windows.shape[:2], -1, block).mean(axis=3)  # (rows, channels, blocks)
    step = np.maximum(np.diff(slow, axis=2, append=slow[:, :, -1:]), 0.0)
    climbed = np.zeros_like(step)  # at the end of each climb its height, elsewhere nothing
    height = np.zeros(step.shape[:2])
    for place in range(step.shape[2]):
        height = np.where(step[:, :, place] > 0, height + step[:, :, place], 0.0)
        ends = step[:, :, place + 1] == 0 if place + 1 < step.shape[2] else True
        climbed[:, :, place] = np.where(ends, height, 0.0)
    largest = climbed.max(axis=2, keepdims=True)
    number = ((climbed > 0) & (climbed >= _RISE * largest)).sum(axis=2)
    return np.concatenate([number, climbed.sum(axis=2)], axis=1)


def breathing(windows: Floats, rate: float) -> Floats:
    """Breaths a second, and log depth of breathing, (rows, 2 channels), of windows (rows, channels, samples)."""
    samples = windows.shape[2]
    centred = windows - windows.mean(axis=2, keepdims=True)
    fine = 4 * samples  # padded with zeros: the peak lies between the bins of the window itself
    spectrum = np.abs(np.fft.rfft(centred * np.hanning(samples), fine, axis=2))
    hertz = np.fft.rfftfreq(fine, 1 / rate)
    inside = (hertz >= BREATHS[0]) & (hertz <= BREATHS[1])
    fastest = hertz[inside][spectrum[:, :, inside].argmax(axis=2)]  # (rows, channels)
    low, high = np.percentile(windows, (5, 95), axis=2)
    return np.concatenate([fastest, np.log(high - low + _FLOOR)], axis=1)
