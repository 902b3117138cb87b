"""Stage 'prepare': recordings → the signal path → the corpus; the same windows that a live server would see."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from memhacl.stream.command import warn
from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.sources.registry import Source
from memhacl.stream.spec import SignalSpec
from memhacl.train.config import PeopleConfig, TrialConfig
from memhacl.train.cutter import Cutter
from memhacl.train.join import join, left_out, staying
from memhacl.train.parallel import over_people
from memhacl.train.part import Part, saved
from memhacl.train.progress import Bar

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What is cut: the signals, the part of each trial, and whose.

    ``fingerprint`` is that of the source's content; without it, it is taken.
    """

    spec: SignalSpec
    trials: TrialConfig = field(default_factory=TrialConfig)
    people: PeopleConfig = field(default_factory=PeopleConfig)
    fingerprint: str = ""


def prepare(source: Source, plan: Plan, folder: Path, bar: Bar, workers: int = 0) -> None:
    """Write the corpus of ``source`` to ``folder``/corpus; only valid windows wholly inside a stimulus stay.

    People are cut one by one, ``workers`` (0: one a core) at once, into ``folder``/parts; what lies there from an
    interrupted preparation of the same is not cut again.

    Raises
    ------
    DataError
        There are no people, people differ in what was done to their signals or in their scales, or no window is
        left.
    ConfigError
        Somebody is to be left out who is not there.
    """
    people = _people(source, plan.people)
    parts = _cut(source, plan, people, folder / "parts", bar, 1 if source.one_file else workers)
    kept = staying(source, parts, plan.people.complete)
    manifest = join(source, parts, kept, plan.fingerprint or source.fingerprint(), folder)
    bar.finish(f"{manifest.windows} windows of {len(manifest.people)} people; left out: {left_out(manifest)}")


def _people(source: Source, config: PeopleConfig) -> tuple[str, ...]:
    for person in config.leave_out:
        if person not in source.people:
            raise ConfigError(
                f"people.leave_out: expected people out of {', '.join(source.people)}, found '{person}'"
            )
    people = tuple(person for person in source.people if person not in config.leave_out)
    if not people:
        raise DataError(f"{source.name}: holds no people that take part; expected at least one recording")
    return people


def _cut(
    source: Source, plan: Plan, people: tuple[str, ...], folder: Path, bar: Bar, workers: int
) -> tuple[Part, ...]:
    """Return everybody's part, cut now or before."""
    folder.mkdir(parents=True, exist_ok=True)
    warn(source.notes)
    done = {person: part for person in people if (part := saved(person, folder)) is not None}
    if done:
        _log.info("%d of %d people were cut before the interruption", len(done), len(people))
    todo = [person for person in people if person not in done]
    bar.start(len(todo))
    for person, part in over_people(Cutter(source, plan.spec, plan.trials, folder), todo, workers):
        warn(part.notes)
        done[person] = part
        _must_agree(done.values())
        bar.step(f"{person}: {part.windows} windows")
    return tuple(done[person] for person in people)


def _must_agree(parts: Iterable[Part]) -> None:
    """Raise DataError where people differ in what was done to their signals, or in the range of a scale."""
    fit = [part for part in parts if not part.unfit]
    if len(fit) < 2:
        return
    first, found = fit[0], fit[-1]
    for before, now in zip(first.signals.modalities, found.signals.modalities, strict=True):
        if before != now:
            had, has = (", ".join(modality.already_done) or "nothing" for modality in (before, now))
            raise DataError(
                f"{found.source}: person '{found.person}' has {now.modality} with {has} already done, person "
                f"'{first.person}' with {had}; prepare them apart"
            )
    for scale in first.scales.keys() & found.scales.keys():
        if first.scales[scale] != found.scales[scale]:
            raise DataError(
                f"{found.source}: person '{found.person}' rates {scale} on {found.scales[scale]}, person "
                f"'{first.person}' on {first.scales[scale]}; prepare them apart"
            )
