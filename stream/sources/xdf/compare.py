"""In what the runs of one person differ."""

from collections.abc import Iterator, Mapping, Sequence

from memhacl.stream.signals import MODALITIES, StreamFormat
from memhacl.stream.sources.chosen import meant
from memhacl.stream.sources.xdf.run import Run

_SHOWN = 4


def uneven(runs: Sequence[Run], streams: Mapping[str, str]) -> Iterator[str]:
    """Say which runs of a person lack a modality that another has, or have it otherwise.

    ``streams`` gives the stream of a modality, as a data file does; runs that lack that one are told elsewhere.
    """
    for modality in MODALITIES:
        formats = [_format(run, modality, streams.get(modality)) for run in runs]
        first = next((place for place, form in enumerate(formats) if form is not None), None)
        if first is None:
            continue
        for run, form in zip(runs, formats, strict=True):
            for now, before in _differences(formats[first], form):
                if form is not None or modality not in streams:
                    yield f"{run.name}: {modality}: {now}, but {runs[first].name} has {before}"


def _format(run: Run, modality: str, pattern: str | None) -> StreamFormat | None:
    signals = run.segment.signals
    if pattern is not None:
        return next((signal.format for signal in meant(signals, modality, pattern)), None)
    return next((signal.format for signal in signals if signal.format.modality == modality), None)


def _differences(first: StreamFormat | None, form: StreamFormat | None) -> Iterator[tuple[str, str]]:
    if form is None or first is None:
        yield "there is none", "it"
        return
    if form.channels != first.channels:
        some = ", ".join(first.channels[:_SHOWN]) + (", ..." if len(first.channels) > _SHOWN else "")
        yield "has other channels", some
    elif (form.unit, form.units) != (first.unit, first.units):
        yield f"is in {_units(form)}", _units(first)
    if form.rate != first.rate:
        yield f"comes at {form.rate:g} Hz", f"{first.rate:g} Hz"
    if form.already_done != first.already_done:
        now, before = (f"{', '.join(one.already_done) or 'nothing'} already done" for one in (form, first))
        yield now, before


def _units(form: StreamFormat) -> str:
    return ", ".join(dict.fromkeys(form.units)) or form.unit
