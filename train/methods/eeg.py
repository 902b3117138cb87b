"""The rows of EEG in a window, for methods that see nothing else."""

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import SignalSpec


def eeg_rows(spec: SignalSpec, method: str) -> slice:
    """Rows of EEG in a window (channels, samples) of ``spec``, for the method of that name.

    Raises
    ------
    ConfigError
        The montage has no EEG.
    """
    if "EEG" not in spec.rows:
        raise ConfigError(
            f"method.name: '{method}' sees EEG alone: expected EEG in the montage, found {', '.join(spec.rows)}; "
            "put EEG into use and signals.modalities, or choose another method"
        )
    return spec.rows["EEG"]
