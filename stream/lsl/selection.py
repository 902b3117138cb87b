"""Which part of a recording is played: modalities, trials, and each trial's number."""

from dataclasses import dataclass, replace

import numpy as np

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.signals import Recording, Segment, Signal

DEFAULT_MODALITIES = ("EEG", "GSR", "Resp", "Temp")


@dataclass(frozen=True)
class Piece:
    """A continuous piece to play; ``numbers`` are its trials' numbers in the whole recording, from 1."""

    segment: Segment
    numbers: tuple[int, ...]


def parse_trials(text: str) -> frozenset[int]:
    """Read trial numbers like '1-3,7'.

    Raises
    ------
    ConfigError
        The text is no such list.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigError(f"--trials {text}: expected numbers like '1-3,7', found '{part.strip()}'")
        low, high = int(first), int(last or first)
        if not 1 <= low <= high:
            raise ConfigError(f"--trials {text}: expected rising numbers from 1 on, found '{part.strip()}'")
        numbers.update(range(low, high + 1))
    return frozenset(numbers)


def choose_modalities(recording: Recording, wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the modalities to play: the wanted ones, or the usual four as far as they were recorded.

    Raises
    ------
    DataError
        A wanted one is not in the recording, or none of the usual ones is.
    """
    there = tuple(recording.formats)
    chosen = wanted or tuple(modality for modality in DEFAULT_MODALITIES if modality in there)
    missing = [modality for modality in chosen if modality not in there]
    if missing or not chosen:
        asked = ", ".join(missing or DEFAULT_MODALITIES)
        raise DataError(
            f"{recording.source}, person {recording.person}: expected {asked}, found {', '.join(there)}; "
            "choose with --modalities"
        )
    return tuple(dict.fromkeys(chosen))


def select(
    recording: Recording, modalities: tuple[str, ...], trials: frozenset[int] | None = None
) -> tuple[Piece, ...]:
    """Return the pieces of ``recording`` that hold ``trials`` (None: all of it), in time order.

    A segment of which only some trials are wanted is cut: from the rest before the first of neighbouring
    trials to the end of the last.

    Raises
    ------
    DataError
        A trial number is not in the recording, or a modality is missing in a part of it.
    """
    _check_trials(recording, trials)
    pieces: list[Piece] = []
    first = 1
    for segment in recording.segments:
        numbers = tuple(range(first, first + len(segment.trials)))
        first += len(numbers)
        kept = tuple(signal for signal in segment.signals if signal.format.modality in modalities)
        if len(kept) != len(modalities):
            found = ", ".join(signal.format.modality for signal in segment.signals)
            raise DataError(
                f"{recording.source}, person {recording.person}, at {segment.start:g} s: expected "
                f"{', '.join(modalities)}, found {found}; choose with --modalities"
            )
        pieces += _wanted(Piece(replace(segment, signals=kept), numbers), trials)
    return tuple(pieces)


def _check_trials(recording: Recording, trials: frozenset[int] | None) -> None:
    count = sum(1 for _ in recording.trials())
    beyond = sorted((trials or frozenset()) - set(range(1, count + 1)))
    if beyond:
        has = f"trials from 1 to {count}" if count else "no --trials, since none are marked"
        raise DataError(
            f"{recording.source}, person {recording.person}: expected {has}, found {beyond[0]}; "
            "choose with --trials"
        )


def _wanted(piece: Piece, trials: frozenset[int] | None) -> list[Piece]:
    if trials is None or (piece.numbers and trials.issuperset(piece.numbers)):
        return [piece]
    chosen = [index for index, number in enumerate(piece.numbers) if number in trials]
    runs: list[list[int]] = []
    for index in chosen:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return [_cut(piece, run) for run in runs]


def _cut(piece: Piece, run: list[int]) -> Piece:
    trials = tuple(piece.segment.trials[index] for index in run)
    signals = tuple(_slice(signal, trials[0].rest, trials[-1].end) for signal in piece.segment.signals)
    return Piece(Segment(signals, trials), tuple(piece.numbers[index] for index in run))


def _slice(signal: Signal, start: float, end: float) -> Signal:
    """Return the samples at ``start`` <= time < ``end`` (s), each at the time it had."""
    rate = signal.format.rate
    # rounded: a start that falls on a sample must not lose it to the last bit of a float
    first = max(int(np.ceil(round((start - signal.start) * rate, 6))), 0)
    stop = max(int(np.ceil(round((end - signal.start) * rate, 6))), first)
    return Signal(signal.format, signal.data[first:stop], signal.start + first / rate)
