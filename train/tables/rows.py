"""The rows of a table: what the paper says, and beside it what was measured under each protocol."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from memhacl.train.crossvalidation.ways import PROBE
from memhacl.train.measure.predictions import MODEL
from memhacl.train.tables.experiments import Experiment, Numbers
from memhacl.train.tables.measured import HEADLINE, Measured, Value
from memhacl.train.tables.paper import ACCURACY, ALL, LOSS, SUPERVISED, Given

WAYS = {MODEL: "fine-tuned", SUPERVISED: "fully supervised"}
NOT_GIVEN = "not given"


@dataclass(frozen=True)
class Row:
    """One line: ``measure`` of ``what`` in a task; the paper's number with its ``source``, and ours by protocol.

    ``honest`` is balanced accuracy a trial by protocol, where ``measure`` is accuracy. ``asked`` tells a row of
    the paper's method from one of another method or of a baseline, of which the paper need not speak.
    """

    task: str
    what: str
    measure: str
    paper: float | None
    source: str
    ours: Mapping[str, Value]
    honest: Mapping[str, Value]
    asked: bool = True


def rows_of(experiment: Experiment, numbers: Numbers, measured: Sequence[Measured]) -> list[Row]:
    """Return the rows of ``experiment``: by task other methods, then by variant ours and the baselines."""
    variants = {
        variant: [one for one in measured if one.cell.variant == variant] for variant in experiment.study.variants
    }
    found = []
    for task in experiment.tasks:
        found += list(_peers(experiment, numbers, measured, task))
        for variant, cells in variants.items():
            for way in reversed((MODEL, *(way for way in experiment.compare if way in WAYS))):
                found += list(_own(experiment, numbers, variant, cells, task, way))
            found += list(_baselines(variant, cells, task))
    return found


def _peers(experiment: Experiment, numbers: Numbers, measured: Sequence[Measured], task: str) -> Iterator[Row]:
    for peer in numbers.peers:
        if task not in peer.accuracy and not peer.way:
            continue
        cells = measured if peer.way in experiment.compare else ()
        yield _row(cells, task, peer.way, peer.name, ACCURACY, peer.accuracy.get(task), peer.protocol, False)


def _own(
    experiment: Experiment, numbers: Numbers, variant: str, cells: Sequence[Measured], task: str, way: str
) -> Iterator[Row]:
    what = label(experiment, variant, way)
    wanted = (variant, way, task)
    given = {one.measure: one for one in numbers.given if (one.variant, one.way, one.task) == wanted}
    measures = [ACCURACY, *(measure for measure in (LOSS,) if measure in given)]
    for measure in measures:
        number, source = _said(given.get(measure))
        yield _row(cells, task, way, what, measure, number, source)
    if experiment.picture == "confusion":
        yield from _recalls(cells, task, way, what)


def label(experiment: Experiment, variant: str, way: str) -> str:
    """Say which training this is of."""
    what = WAYS[way] if experiment.study.common.get("finetune.mode") != PROBE else "linear probe"
    return f"ME-MHACL, {what}" if variant == ALL else f"{variant}, {what}"


def _said(given: Given | None) -> tuple[float | None, str]:
    return (None, NOT_GIVEN) if given is None else (given.value, given.source)


def _row(
    cells: Sequence[Measured],
    task: str,
    who: str,
    what: str,
    measure: str,
    number: float | None,
    source: str,
    asked: bool = True,
) -> Row:
    ours = {one.cell.protocol: one.value(task, who, measure) for one in cells}
    honest = {one.cell.protocol: one.value(task, who, HEADLINE, "trial") for one in cells if measure == ACCURACY}
    return Row(task, what, measure, number, source, _there(ours), _there(honest), asked)


def _there(values: Mapping[str, Value | None]) -> dict[str, Value]:
    return {protocol: value for protocol, value in values.items() if value is not None}


def _recalls(cells: Sequence[Measured], task: str, way: str, what: str) -> Iterator[Row]:
    """What the picture shows on its diagonal."""
    for place, name in enumerate(cells[0].classes[task] if cells else ()):
        ours = {}
        for one in cells:
            counts = one.confusion(task, way)[place]
            if sum(counts):
                ours[one.cell.protocol] = Value(counts[place] / sum(counts))
        yield Row(task, what, f"recall of {name}", None, "as a picture only", ours, {})


def _baselines(variant: str, cells: Sequence[Measured], task: str) -> Iterator[Row]:
    """The majority, and the best of all that need no training of their own, which need not be one everywhere."""
    before = "" if variant == ALL else f"{variant}, "
    yield _row(cells, task, "majority", f"{before}majority", ACCURACY, None, "", False)
    ours: dict[str, Value] = {}
    honest: dict[str, Value] = {}
    for one in cells:
        who = one.rival(task)
        for values, measure, level in ((ours, ACCURACY, "window"), (honest, HEADLINE, "trial")):
            value = None if who is None else one.value(task, who, measure, level)
            if who is not None and value is not None:
                values[one.cell.protocol] = Value(value.number, value.interval, who)
    yield Row(task, f"{before}best baseline", ACCURACY, None, "", ours, honest, False)
