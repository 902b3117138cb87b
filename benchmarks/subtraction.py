"""Print what each way of taking the level out of the signals is worth: baseline subtraction, measured.

    python -m benchmarks.subtraction [--worlds 4] [--seconds 40] [--rest 10] [--quick] [--data FOLDER] [--out DIR]

On simulated people: band power or the body's features with LDA, and the demo's network from scratch (not with
--quick); people and stimuli unseen. --seconds and --rest are the lengths of stimuli and of the rests before them.
With FOLDER, that of the open data set kalunga-ssvep, also flicker from real EEG. What differs from the default,
the mean of the 3 s before, is shown world by world or person by person. Interrupted, it goes on where it was.
"""

import argparse
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from rich.table import Table

from benchmarks.experiment import Figures, Notebook, interval
from benchmarks.flicker import PEOPLE
from benchmarks.machine import console
from benchmarks.subtraction_flicker import KINDS as FLICKER
from benchmarks.subtraction_flicker import LEARNERS, flicker
from benchmarks.subtraction_kinds import KINDS, SLOW, USUAL, Course, costs, people_of
from benchmarks.subtraction_people import PLANTED, World
from memhacl.stream.sources.registry import open_source

Found = Mapping[str, list[Figures]]  # kind -> figures by world or person


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=4, help="simulated worlds")
    parser.add_argument("--seconds", type=float, default=40.0, help="length of a stimulus")
    parser.add_argument("--rest", type=float, default=10.0, help="length of the rest before it")
    parser.add_argument("--quick", action="store_true", help="no networks")
    parser.add_argument("--data", help="the folder of kalunga-ssvep: also flicker")
    parser.add_argument("--out", type=Path, default=Path("runs/subtraction"), help="where figures are kept")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    screen = console()
    notebook = Notebook(asked.out / "figures.jsonl", lambda text: screen.print(text, soft_wrap=True))
    session = Course("raw", asked.rest, asked.seconds)
    for course, parts in ((session, (*SLOW, "EEG", "all")), (Course("deap", 3.0, asked.seconds), SLOW)):
        screen.print(table_of(f"{course}; LDA", told(course, asked, notebook), parts))
    people = people_of(session, 0)
    kinds = [kind for kind in KINDS if session.fits(KINDS[kind])]
    spent = {kind: notebook.of(f"{session}: {kind}: costs", partial(costs, KINDS[kind], people)) for kind in kinds}
    screen.print(costs_table(spent))
    if asked.data:
        screen.print(flicker_table(flicker_told(asked, notebook)))
        screen.print("real EEG; flicker, not emotion")
    if not asked.quick:
        found = networks(session, asked, notebook)
        screen.print(table_of(f"{session}; the demo's network from scratch", found, ("",)))
    screen.print("simulated people: none of this says that emotion was recognised")


def told(course: Course, asked: argparse.Namespace, notebook: Notebook) -> Found:
    """Figures of LDA for each kind that fits ``course``, by world."""
    found: dict[str, list[Figures]] = {kind: [] for kind in KINDS if course.fits(KINDS[kind])}
    for number in range(asked.worlds):
        world = World(course, number, asked.out, notebook)
        for kind, figures in found.items():
            figures.append(world.features(kind))
        world.close()
    return found


def networks(course: Course, asked: argparse.Namespace, notebook: Notebook) -> Found:
    """Figures of the network, by kind and world."""
    found: dict[str, list[Figures]] = {
        kind: [] for kind in KINDS if KINDS[kind].network and course.fits(KINDS[kind])
    }
    for number in range(asked.worlds):
        world = World(course, number, asked.out, notebook)
        for kind, figures in found.items():
            figures.append(world.network(kind))
        world.close()
    return found


def flicker_told(asked: argparse.Namespace, notebook: Notebook) -> Found:
    """Figures of flicker, by kind and person."""
    source = open_source(asked.data)
    return {kind: [flicker(kind, fold, source, asked.out, notebook) for fold in range(PEOPLE)] for kind in FLICKER}


def table_of(title: str, found: Found, parts: Iterable[str]) -> Table:
    """Balanced accuracy a window and a trial for each of ``parts``, with the gain a window over the default."""
    worlds = len(found[USUAL])
    table = Table(title=f"{title}; balanced accuracy, unseen people and stimuli, {worlds} SIMULATED worlds")
    for column in ("", "of", "window", "window: above rolling, 3 s", "trial", "trial: above rolling, 3 s"):
        table.add_column(column)
    for part in parts:
        keys = [f"{part}, {level}" if part else level for level in ("window", "trial")]
        for kind, worlds_of in found.items():
            if keys[0] not in worlds_of[0]:
                continue
            cells = []
            for key in keys:
                values, usual = ([one[key] for one in of] for of in (worlds_of, found[USUAL]))
                cells += [interval(values), "" if kind == USUAL else interval(np.subtract(values, usual))]
            table.add_row(kind, f"{part}: {' and '.join(PLANTED[part])}" if part else "", *cells)
        table.add_section()
    return table


def costs_table(found: Mapping[str, Figures]) -> Table:
    """When the first valid window of a session ends, and what a window costs."""
    table = Table(
        title="from the first sample of a session, which begins with rest, to its first valid window's end"
    )
    for column in ("", "s", "ms of work a window, 35 rows at 128 Hz"):
        table.add_column(column)
    for kind, figures in found.items():
        table.add_row(kind, f"{figures['first']:.1f}", f"{figures['ms']:.2f}")
    return table


def flicker_table(found: Found) -> Table:
    """Balanced accuracy a trial of each learner, with the gain over the default."""
    table = Table(
        title="flicker: balanced accuracy over 5-s trials, four classes, person left out; mean over people"
    )
    for column in ("", "by", "balanced accuracy", "above rolling, 3 s"):
        table.add_column(column)
    for learner in LEARNERS:
        usual = [one[learner] for one in found[USUAL]]
        for kind, people in found.items():
            values = [one[learner] for one in people]
            gain = "" if kind == USUAL else interval(np.subtract(values, usual))
            table.add_row(kind, learner, interval(values), gain)
        table.add_section()
    return table


if __name__ == "__main__":
    main()
