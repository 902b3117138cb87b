"""Finding a model's channels in a stream: by label, by kind, by order where labels only count, or not at all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import StreamError
from memhacl.stream.kinds import modality_of
from memhacl.stream.labels import electrode, key, only_count
from memhacl.stream.path.repair import limit
from memhacl.stream.signals import MARKERS, MODALITIES, StreamFormat
from memhacl.stream.spec import ModalitySpec

_SHOWN = 8  # labels in a message


@dataclass(frozen=True)
class Columns:
    """The stream's column of each model channel, ``places`` (model channels,); -1 for those in ``missing``.

    ``assumed`` says what was not beyond doubt.
    """

    places: NDArray[np.int64]
    missing: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def columns(wanted: ModalitySpec, found: StreamFormat) -> Columns:
    """Find the channels of ``wanted`` in stream ``found``.

    Raises
    ------
    StreamError
        Channels are missing, more than can be interpolated, or one is there twice.
    """
    kinds = found.kinds or ("",) * len(found.channels)
    possible = [column for column, kind in enumerate(kinds) if kind not in _others(wanted.modality)]
    places = _labelled(wanted, found, possible)
    missing = tuple(channel for channel, place in zip(wanted.channels, places, strict=True) if place < 0)
    if not missing:
        return Columns(np.array(places), assumed=_spelt(wanted, found, places))
    if len(missing) == len(wanted.channels):
        own = _own(wanted.modality, found, possible)
        unlabelled = _only(wanted, found, own) or _counted(wanted, found, own)
        if unlabelled is not None:
            return unlabelled
    bearable = limit(wanted.channels, wanted.interpolate) if wanted.modality == "EEG" else 0
    if len(missing) > bearable:
        raise StreamError(_lacking(wanted, found, missing))
    many = len(missing) > 1
    said = (
        f"{', '.join(missing)} {'are' if many else 'is'} interpolated from the others "
        f"(the stream lacks {'them' if many else 'it'})"
    )
    return Columns(np.array(places), missing, (*_spelt(wanted, found, places), said))


def _others(modality: str) -> set[str]:
    """Kinds of channel that are known and not ``modality``; what a kind of another name means is not known."""
    return {*MODALITIES, MARKERS} - {modality}


def _own(modality: str, found: StreamFormat, possible: Sequence[int]) -> Sequence[int]:
    """Those of the ``possible`` columns that state the modality as their kind; where none does, all of them."""
    return [column for column in possible if found.kinds and found.kinds[column] == modality] or possible


def _labelled(wanted: ModalitySpec, found: StreamFormat, possible: Sequence[int]) -> list[int]:
    """Columns found by label, -1 where none has the channel's."""
    columns_of: dict[str, list[int]] = defaultdict(list)
    for column in possible:
        columns_of[key(found.channels[column], wanted.modality)].append(column)
    places = []
    for channel in wanted.channels:
        fitting = _own(wanted.modality, found, columns_of.get(key(channel, wanted.modality), []))
        if len(fitting) > 1:
            labels = " and ".join(f"'{found.channels[column]}'" for column in fitting)
            raise StreamError(
                f"stream '{found.name}': expected one channel for {wanted.modality} {channel}, found {labels}; "
                f"rename or leave out all but one in the outlet"
            )
        places.append(fitting[0] if fitting else -1)
    return places


def _only(wanted: ModalitySpec, found: StreamFormat, own: Sequence[int]) -> Columns | None:
    """The only channel that can be meant: of the stream, of its kind, or with the modality's name for a label."""
    if len(wanted.channels) > 1:
        return None
    fitting = own
    if len(own) > 1:
        fitting = [column for column in own if _named(found.channels[column]) == wanted.modality]
    if len(fitting) != 1:
        return None
    label = found.channels[fitting[0]]
    elsewhere = wanted.modality == "EEG" and electrode(label) is not None
    if elsewhere or _named(label) in _others(wanted.modality):
        return None  # the label says that it is another channel
    return Columns(
        np.array(fitting), assumed=(f"the stream's channel '{label}' is taken for {wanted.channels[0]}",)
    )


def _named(label: str) -> str:
    """Return the modality that a label such as 'EDA' or 'Temp 2' names; any other label as it is."""
    return modality_of(label.rstrip("0123456789 "))


def _counted(wanted: ModalitySpec, found: StreamFormat, own: Sequence[int]) -> Columns | None:
    """Channels in the stream's order, where it has as many and its labels only number them."""
    labels = [found.channels[column] for column in own]
    if len(own) != len(wanted.channels) or not only_count(labels):
        return None
    return Columns(np.array(own), assumed=(f"channels taken in the stream's order (its labels: {_some(labels)})",))


def _spelt(wanted: ModalitySpec, found: StreamFormat, places: Sequence[int]) -> tuple[str, ...]:
    """What labels were read as, where they are not the model's own but for case."""
    pairs = [(found.channels[p], channel) for p, channel in zip(places, wanted.channels, strict=True) if p >= 0]
    read = [f"'{label}' as {channel}" for label, channel in pairs if label.casefold() != channel.casefold()]
    return (f"labels read: {_some(read)}",) if read else ()


def _lacking(wanted: ModalitySpec, found: StreamFormat, missing: Sequence[str]) -> str:
    kinds = found.kinds or ("",) * len(found.channels)
    labels = [
        f"{label} of kind {kind}" if kind in _others(wanted.modality) else label
        for label, kind in zip(found.channels, kinds, strict=True)
    ]
    return (
        f"stream '{found.name}': expected {len(wanted.channels)} {wanted.modality} channels "
        f"({_some(wanted.channels)}), found {len(found.channels)} ({_some(labels)}); missing: "
        f"{_some(missing)}; label the outlet's channels or use a model for this montage"
    )


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:_SHOWN]) + (", ..." if len(labels) > _SHOWN else "")
