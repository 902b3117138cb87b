"""One XDF file as a segment: its streams, and the trials that its markers tell of."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from memhacl.stream.errors import DataError
from memhacl.stream.events import markers_in
from memhacl.stream.signals import MARKERS, Marker, Segment, Signal, Texts
from memhacl.stream.sources.files import few
from memhacl.stream.sources.formats.xdf_file import HEARD, load
from memhacl.stream.sources.ratings import rated
from memhacl.stream.sources.xdf.conventions import Conventions
from memhacl.stream.sources.xdf.marker_rules import trials_by
from memhacl.stream.sources.xdf.streams import read_streams
from memhacl.stream.trials import Told, left_out, trials_of

OUTSIDE: Final = "outside_signals"


@dataclass(frozen=True)
class Run:
    """What a file holds.

    ``markers`` is how many its trials were looked for in, None without their stream; ``stimuli`` are the names
    that these give stimuli; ``damaged`` is whether the file was cut off or damaged.
    """

    name: str
    segment: Segment
    simulated: bool
    damaged: bool
    markers: int | None
    stimuli: frozenset[str]
    excluded: Mapping[str, int]
    notes: tuple[str, ...]


def read_run(path: Path, name: str, conventions: Conventions) -> Run:
    """Read the file at ``path``, which the notes call ``name``.

    Raises
    ------
    DataError
        pyxdf is not installed, the file is damaged or holds no samples, or a rating is none or outside its scale.
    """
    found, odd = load(path)
    streams, simulated, more = read_streams(found)
    if not streams:
        raise DataError(f"{path}: expected recorded samples, found none in any stream; leave the file out")
    signals = tuple(stream for stream in streams if isinstance(stream, Signal))
    texts = tuple(stream for stream in streams if isinstance(stream, Texts))
    segment = Segment(signals, (), texts)
    marking = _marking(streams, conventions)
    markers = sorted((m for stream in marking or () for m in markers_in(stream)), key=lambda marker: marker.time)
    told = _told(markers, segment, _span(segment, marking or ()), name, conventions)
    renamed = [replace(t, stimulus=conventions.stimuli.get(t.stimulus, t.stimulus)) for t in told.trials]
    return Run(
        name,
        replace(segment, trials=tuple(renamed)),
        simulated,
        any(not sentence.startswith(HEARD) for sentence in odd),
        None if marking is None else len(markers),
        frozenset(trial.stimulus for trial in told.trials),
        told.excluded,
        (*(f"{name}: {sentence}" for sentence in (*odd, *more)), *told.notes),
    )


def _marking(streams: Sequence[Signal | Texts], conventions: Conventions) -> list[Signal | Texts] | None:
    """Streams of markers: those that the rules name, whatever their type (None: none is), or all of the type."""
    wanted = None if conventions.markers is None else conventions.markers.stream
    if wanted is None:
        return [stream for stream in streams if stream.format.modality == MARKERS]
    return [stream for stream in streams if fnmatchcase(stream.format.name, wanted) and _may_mark(stream)] or None


def _span(segment: Segment, marking: Sequence[Signal | Texts]) -> tuple[float, float] | None:
    """Return between which times (s) there are signals that are no markers; None where there are none such."""
    signals = [
        signal
        for signal in segment.signals
        if signal.format.modality != MARKERS and all(signal is not stream for stream in marking)
    ]
    return (min(s.start for s in signals), max(s.end for s in signals)) if signals else None


def _may_mark(stream: Signal | Texts) -> bool:
    """Whether the stream can be of markers: not the many numbers of an amplifier."""
    return isinstance(stream, Texts) or stream.format.modality == MARKERS or len(stream.format.channels) == 1


def _told(
    markers: Sequence[Marker],
    segment: Segment,
    span: tuple[float, float] | None,
    name: str,
    conventions: Conventions,
) -> Told:
    if conventions.markers is not None:
        since, until = span or (segment.start, segment.end)
        told = trials_by(conventions.markers, markers, conventions.scales, name, since, until)
    else:
        told = trials_of(markers, name)
        for trial in told.trials:
            rated(f"{name}, trial '{trial.stimulus}' at {trial.onset:.3f} s", trial.ratings, conventions.scales)
    return _within(told, span, name)


def _within(told: Told, span: tuple[float, float] | None, name: str) -> Told:
    """Leave out the trials of which no part lies within ``span``, where the signals are."""
    inside = [trial for trial in told.trials if span and trial.onset < span[1] and trial.end > span[0]]
    if len(inside) == len(told.trials):
        return told
    outside = [f"'{trial.stimulus}' at {trial.onset:.3f} s" for trial in told.trials if trial not in inside]
    excluded = Counter(told.excluded) + Counter({OUTSIDE: len(outside)})
    where = "trials before the first sample of the signals or after the last"
    return Told(tuple(inside), dict(excluded), (*told.notes, *left_out(name, where, outside)))


def heard(person: str, runs: Sequence[Run], conventions: Conventions) -> Iterator[str]:
    """Say of which runs no trials can come, without known markers, and which of the renamed stimuli are in none.

    Raises
    ------
    DataError
        The stream of markers that the rules name is in none of the runs.
    """
    deaf = [run for run in runs if run.markers is None]
    if conventions.markers is not None and len(deaf) == len(runs):
        streams = [stream.format for run in runs for stream in run.segment.streams]
        listed = ", ".join(dict.fromkeys(f"'{form.name}' ({form.modality or 'no type'})" for form in streams))
        raise DataError(
            f"person {person}: expected a stream '{conventions.markers.stream}' as the data file's markers.stream "
            f"says, found {listed}"
        )
    for run in deaf:
        yield f"{run.name}: has no stream of markers as the data file names it: no trials"
    for run in runs:
        if conventions.markers is None and run.markers and not (run.segment.trials or run.excluded):
            yield (
                f"{run.name}: none of its {run.markers} markers is memhacl:trial_start: no trials; a data file "
                "can say which markers of your own are (docs/xdf.md)"
            )
    named = frozenset[str]().union(*(run.stimuli for run in runs))
    if unused := [repr(name) for name in conventions.stimuli if named and name not in named]:
        yield f"stimuli of the data file: no trial of '{person}' is called {few(unused)} by its markers"
