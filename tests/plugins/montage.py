"""Signals for tests that care for the shape of a window alone, or for its modalities."""

from memhacl.stream.spec import ModalitySpec, SignalSpec

PERIPHERAL = {"GSR": "ohm", "Resp": "a.u.", "Temp": "degC"}


def eeg_of(shape: tuple[int, int]) -> SignalSpec:
    """Signals of EEG alone whose windows have ``shape`` (channels, samples) and last 1 s."""
    channels, samples = shape
    eeg = ModalitySpec(modality="EEG", channels=tuple(f"E{n}" for n in range(channels)), unit="uV")
    return SignalSpec(modalities=(eeg,), rate=float(samples))


def four_of(electrodes: int, samples: int) -> SignalSpec:
    """Signals of EEG, GSR, Resp and Temp, a row for each of the last three; windows last 1 s."""
    eeg = ModalitySpec(modality="EEG", channels=tuple(f"E{n}" for n in range(electrodes)), unit="uV")
    others = (ModalitySpec(modality=name, channels=(name,), unit=unit) for name, unit in PERIPHERAL.items())
    return SignalSpec(modalities=(eeg, *others), rate=float(samples))
