"""One XDF file as a segment: its streams, and the trials that its markers tell of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from memhacl.stream.errors import DataError
from memhacl.stream.events import markers_in, recorded_markers
from memhacl.stream.signals import MARKERS, MODALITIES, Marker, Segment, Signal, StreamFormat, Texts
from memhacl.stream.sources.formats.xdf_file import load
from memhacl.stream.sources.ratings import rated
from memhacl.stream.sources.xdf.conventions import Conventions
from memhacl.stream.sources.xdf.marker_rules import trials_by
from memhacl.stream.sources.xdf.streams import read_streams
from memhacl.stream.trials import Told, trials_of

_SHOWN = 4


@dataclass(frozen=True)
class Run:
    """What a file holds; ``markers`` are those that its trials were looked for in, None without their stream."""

    name: str
    segment: Segment
    simulated: bool
    markers: int | None
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
    markers = _markers(streams, conventions)
    told = _told(markers or [], segment, name, conventions)
    return Run(
        name,
        replace(segment, trials=told.trials),
        simulated,
        None if markers is None else len(markers),
        told.excluded,
        (*(f"{name}: {sentence}" for sentence in (*odd, *more)), *told.notes),
    )


def _markers(streams: Sequence[Signal | Texts], conventions: Conventions) -> list[Marker] | None:
    """Markers in time order: of the stream that the rules name, whatever its type, or of all marker streams."""
    wanted = None if conventions.markers is None else conventions.markers.stream
    if wanted is None:
        return recorded_markers(streams)
    named = [stream for stream in streams if fnmatchcase(stream.format.name, wanted) and _may_mark(stream)]
    found = [marker for stream in named for marker in markers_in(stream)]
    return sorted(found, key=lambda marker: marker.time) if named else None


def _may_mark(stream: Signal | Texts) -> bool:
    """Whether the stream can be of markers: not the many numbers of an amplifier."""
    return isinstance(stream, Texts) or stream.format.modality == MARKERS or len(stream.format.channels) == 1


def _told(markers: Sequence[Marker], segment: Segment, name: str, conventions: Conventions) -> Told:
    if conventions.markers is not None:
        told = trials_by(
            conventions.markers, markers, conventions.scales, name, since=segment.start, until=segment.end
        )
        renamed = (replace(t, stimulus=conventions.stimuli.get(t.stimulus, t.stimulus)) for t in told.trials)
        return replace(told, trials=tuple(renamed))
    told = trials_of(markers, name)
    for trial in told.trials:
        rated(f"{name}, trial '{trial.stimulus}' at {trial.onset:.3f} s", trial.ratings, conventions.scales)
    return told


def heard(person: str, runs: Sequence[Run], conventions: Conventions) -> Iterator[str]:
    """Say of which runs no trials can come: they lack the stream of markers, or none of theirs is known.

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


def uneven(runs: Sequence[Run]) -> Iterator[str]:
    """Say which runs of a person lack a modality that another has, or have it otherwise."""
    for modality in MODALITIES:
        formats = [_format(run, modality) for run in runs]
        first = next((place for place, form in enumerate(formats) if form is not None), None)
        if first is None:
            continue
        for run, form in zip(runs, formats, strict=True):
            if (difference := _difference(formats[first], form)) is not None:
                yield f"{run.name}: {modality}: {difference[0]}, but {runs[first].name} has {difference[1]}"


def _format(run: Run, modality: str) -> StreamFormat | None:
    return next((s.format for s in run.segment.signals if s.format.modality == modality), None)


def _difference(first: StreamFormat | None, form: StreamFormat | None) -> tuple[str, str] | None:
    if form is None or first is None:
        return "there is none", "it"
    if form.channels != first.channels:
        some = ", ".join(first.channels[:_SHOWN]) + (", ..." if len(first.channels) > _SHOWN else "")
        return "has other channels", some
    if form.rate != first.rate:
        return f"comes at {form.rate:g} Hz", f"{first.rate:g} Hz"
    if form.already_done != first.already_done:
        now, before = (f"{', '.join(one.already_done) or 'nothing'} already done" for one in (form, first))
        return now, before
    return None
