"""Features of EEG: differential entropy in the classical bands."""

import numpy as np
from numpy.typing import NDArray

BANDS = {"theta": (4.0, 8.0), "alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 45.0)}  # Hz
_FLOOR = 1e-20  # of a power: below a nanovolt's, in whatever unit

Floats = NDArray[np.float64]


def differential_entropy(windows: Floats, rate: float) -> Floats:
    """Differential entropy (rows, bands x channels), in nats, of windows (rows, channels, samples) in each band.

    Of a Gaussian signal with the variance v it is half the logarithm of 2 pi e v: the logarithm of the band's
    power but for a factor and a summand, so that whatever is linear makes the same of either. Bands that a window
    of this length and rate cannot tell are left out; if all are, the whole spectrum is one band.
    """
    power, hertz = _spectrum(windows, rate)
    inside = [band for low, high in BANDS.values() if (band := (hertz >= low) & (hertz < high)).any()]
    inside = inside or [hertz > 0]
    bands = [power[:, :, band].sum(axis=2) for band in inside]
    variance = np.concatenate(bands, axis=1)  # (rows, bands x channels)
    return np.asarray(0.5 * np.log(2 * np.pi * np.e * (variance + _FLOOR)))


def _spectrum(windows: Floats, rate: float) -> tuple[Floats, Floats]:
    """Return the share of the variance (rows, channels, bins) at each frequency, and these (bins,) in Hz."""
    samples = windows.shape[2]
    taper = np.hanning(samples + 2)[1:-1]
    spectrum = np.abs(np.fft.rfft(windows * taper, axis=2)) ** 2  # (rows, channels, bins)
    hertz = np.fft.rfftfreq(samples, 1 / rate).astype(np.float64)
    both_sides = np.where((hertz > 0) & (hertz < rate / 2), 2.0, 1.0)
    return spectrum * both_sides / (samples * (taper @ taper)), hertz
