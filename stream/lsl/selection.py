"""Which part of a recording is played: modalities, trials, and each trial's number."""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.signals import MODALITIES, Recording, Segment, Signal, Texts


@dataclass(frozen=True)
class Piece:
    """A continuous piece to play; ``numbers`` are its trials' numbers in the whole recording, from 1."""

    segment: Segment
    numbers: tuple[int, ...]

    @property
    def streams(self) -> dict[str, Signal | Texts]:
        """Signals and texts by a word for each: its modality or, where it was a stream, the name it had.

        A word that stood before is counted: 'GSR', 'GSR (2)'.
        """
        named: dict[str, Signal | Texts] = {}
        seen: Counter[str] = Counter()
        for stream in self.segment.streams:
            word = stream.format.name if stream.origin else stream.format.modality
            seen[word] += 1
            named[word if seen[word] == 1 else f"{word} ({seen[word]})"] = stream
        return named


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


def choose_modalities(recording: Recording, wanted: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the modalities to play: the wanted ones, or all that are known as far as they were recorded.

    None, for all streams, where it is streams that were recorded and none are wanted in particular.

    Raises
    ------
    DataError
        A wanted one is not in every part of the recording, or there is none that is known.
    """
    if wanted is None and any(stream.origin for part in recording.segments for stream in part.streams):
        return None
    if wanted:
        for segment in recording.segments:
            _check_modalities(recording, segment, wanted)
        return tuple(dict.fromkeys(wanted))
    chosen = tuple(modality for modality in MODALITIES if modality in recording.formats)
    if not chosen:
        raise DataError(
            f"{recording.source}, person {recording.person}: expected {', '.join(MODALITIES)}, found "
            f"{', '.join(recording.formats) or 'no signals'}; say which stream is which in a data file"
        )
    return chosen


def _check_modalities(recording: Recording, segment: Segment, wanted: tuple[str, ...]) -> None:
    found = dict.fromkeys(signal.format.modality for signal in segment.signals)
    if missing := [modality for modality in wanted if modality not in found]:
        raise DataError(
            f"{recording.source}, person {recording.person}, at {segment.start:g} s: expected "
            f"{', '.join(missing)}, found {', '.join(found) or 'no signals'}; choose with --modalities"
        )


def select(
    recording: Recording, modalities: tuple[str, ...] | None, trials: frozenset[int] | None = None
) -> tuple[Piece, ...]:
    """Return the pieces of ``recording`` that hold ``trials`` (None: all of it), in time order.

    Of ``modalities``, those that a piece has are taken (None: every signal); texts are always taken. A segment of
    which only some trials are wanted is cut: from the rest before the first of neighbouring trials to the end of
    the last.

    Raises
    ------
    DataError
        A trial number is not in the recording, or a part of it has none of the modalities.
    """
    _check_trials(recording, trials)
    pieces: list[Piece] = []
    first = 1
    for segment in recording.segments:
        numbers = tuple(range(first, first + len(segment.trials)))
        first += len(numbers)
        kept = segment.signals if modalities is None else _of(recording, segment, modalities)
        pieces += _wanted(Piece(replace(segment, signals=kept), numbers), trials)
    return tuple(pieces)


def _of(recording: Recording, segment: Segment, modalities: tuple[str, ...]) -> tuple[Signal, ...]:
    kept = tuple(signal for signal in segment.signals if signal.format.modality in modalities)
    if not kept:
        _check_modalities(recording, segment, modalities)
    return kept


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
    segment = piece.segment
    trials = tuple(segment.trials[index] for index in run)
    start, end = trials[0].rest, trials[-1].end
    signals = tuple(signal.between(start, end) for signal in segment.signals)
    # the last trial's end is a text too
    texts = tuple(_slice_texts(text, start, np.nextafter(end, np.inf)) for text in segment.texts)
    part = Segment(
        tuple(signal for signal in signals if len(signal.data)), trials, tuple(text for text in texts if text.rows)
    )
    return Piece(part, tuple(piece.numbers[index] for index in run))


def _slice_texts(texts: Texts, start: float, end: float) -> Texts:
    inside = (texts.times >= start) & (texts.times < end)
    return replace(texts, rows=tuple(compress(texts.rows, inside)), times=texts.times[inside])
