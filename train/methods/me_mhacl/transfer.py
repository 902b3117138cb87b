"""The weights of an encoder for other signals than those it learnt from: fewer channels, fewer modalities."""

from collections.abc import Iterator, Mapping

from torch import Tensor

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import ModalitySpec, SignalSpec
from memhacl.train.methods.me_mhacl.attention import has_level
from memhacl.train.methods.me_mhacl.settings import NetworkSettings
from memhacl.train.methods.me_mhacl.stem import PARTS


def fit_weights(
    settings: NetworkSettings, weights: Mapping[str, Tensor], theirs: SignalSpec, ours: SignalSpec
) -> dict[str, Tensor]:
    """Weights by name of an encoder for ``ours`` out of those of one for ``theirs``.

    In `resnet18-1d` all channels share the kernels: it takes any. `attention` knows modalities and channels by
    name, and goes on with those that it is left.

    Raises
    ------
    ConfigError
        `attention` has not learnt what to do with a modality or channel in ``ours``.
    """
    if settings.encoder != "attention":
        return dict(weights)
    stems = list(theirs.rows)
    for modality in ours.modalities:
        _check_known(modality, theirs)
    fitted = {name: tensor for name, tensor in weights.items() if not name.startswith("stems.")}
    kept = [stems.index(modality.modality) for modality in ours.modalities]
    fitted["places"] = weights["places"][kept]  # (M, features)
    for place, modality in enumerate(ours.modalities):
        known = theirs.of(modality.modality).channels
        columns = [known.index(channel) for channel in modality.channels]
        for name, tensor in _below(f"stems.{kept[place]}.", weights):
            fitted[f"stems.{place}.{name}"] = _of_channels(name, tensor, columns)
    return fitted


def _of_channels(name: str, tensor: Tensor, columns: list[int]) -> Tensor:
    """What the parameter ``name`` of a stem holds for the channels at ``columns``."""
    if name == "spatial.weight":  # (courses, C, 1)
        return tensor[:, columns]
    if name == "level.weight":  # (features, halves C): the channels of the first half, then of the second
        return tensor.reshape(len(tensor), PARTS, -1)[:, :, columns].flatten(1)
    return tensor


def _check_known(modality: ModalitySpec, theirs: SignalSpec) -> None:
    name = modality.modality
    if name not in theirs.rows:
        raise ConfigError(
            f"encoder 'attention' starts from a model of {', '.join(theirs.rows)}: expected no others, "
            f"found {name}; leave it out, as with --use"
        )
    if has_level(modality) != has_level(theirs.of(name)):
        raise ConfigError(
            f"encoder 'attention': expected conditioning.band of {name} as in the model it starts from "
            f"({theirs.of(name).conditioning.band}), found {modality.conditioning.band}: one removes the level"
        )
    known = theirs.of(name).channels
    if unknown := [channel for channel in modality.channels if channel not in known]:
        raise ConfigError(
            f"encoder 'attention' starts from a model of {name} channels {', '.join(known)}: expected no others, "
            f"found {', '.join(unknown)}; leave them out of signals"
        )


def _below(prefix: str, weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield what ``weights`` hold under ``prefix``, named without it."""
    for name, tensor in weights.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), tensor
