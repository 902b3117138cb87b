"""Stage 'prepare': recordings → the signal path → the corpus; the same windows that a live server would see."""

import hashlib
import json
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from memhacl.stream.command import warn
from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.sources.registry import Source
from memhacl.stream.spec import SignalSpec
from memhacl.train.config import PeopleConfig, TrialConfig
from memhacl.train.corpus.cutter import Cutter
from memhacl.train.corpus.join import join, left_out, staying
from memhacl.train.corpus.parallel import over_people
from memhacl.train.corpus.part import Part, saved
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

    def of(self, source: Source) -> Self:
        """Return the plan with the fingerprint of ``source``."""
        return self if self.fingerprint else replace(self, fingerprint=source.fingerprint())

    @property
    def key(self) -> str:
        """Hash of all that decides a person's part: signals, part of each trial, content of the data."""
        said = json.dumps([self.spec.model_dump(mode="json"), self.trials.model_dump(), self.fingerprint])
        return hashlib.sha256(said.encode()).hexdigest()


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
    people, plan = _people(source, plan.people), plan.of(source)
    parts = _cut(source, plan, people, folder / "parts", bar, 1 if source.one_file else workers)
    kept = staying(source, parts, plan.people.complete)
    manifest = join(source, parts, kept, plan.fingerprint, folder)
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
    for person in people:
        if not person.isprintable():  # also of what is no UTF-8
            raise DataError(f"{source.name}: the name of person {person!r} cannot be written; rename the file")
    return people


def _cut(
    source: Source, plan: Plan, people: tuple[str, ...], folder: Path, bar: Bar, workers: int
) -> tuple[Part, ...]:
    """Return everybody's part, cut now or before."""
    folder.mkdir(parents=True, exist_ok=True)
    warn(source.notes)
    done = {person: part for person in people if (part := saved(person, folder, plan.key)) is not None}
    if done:
        _log.info("%d of %d people were cut before the interruption", len(done), len(people))
    agreement = _Agreement()
    for part in done.values():
        agreement.take(part)
    todo = [person for person in people if person not in done]
    bar.start(len(todo))
    for person, part in over_people(Cutter(source, plan.spec, plan.trials, folder, plan.key), todo, workers):
        warn(part.notes)
        agreement.take(part)
        done[person] = part
        bar.step(f"{person}: {part.windows} windows")
    return tuple(done[person] for person in people)


class _Agreement:
    """What people must have in common: what was done to each modality, and the range of each scale."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[str, tuple[str, ...]]] = {}  # modality -> the first person with it, and what
        self._ranges: dict[str, tuple[str, tuple[float, float]]] = {}

    def take(self, part: Part) -> None:
        """Compare ``part`` with those before.

        Raises
        ------
        DataError
            It differs.
        """
        if part.unfit:
            return
        for modality in part.signals.modalities:
            who, done = self._done.setdefault(modality.modality, (part.person, modality.already_done))
            if done != modality.already_done:
                had, has = (", ".join(words) or "nothing" for words in (done, modality.already_done))
                raise DataError(
                    f"{part.source}: person '{part.person}' has {modality.modality} with {has} already done, "
                    f"person '{who}' with {had}; prepare them apart"
                )
        for scale, span in part.scales.items():
            who, known = self._ranges.setdefault(scale, (part.person, span))
            if known != span:
                raise DataError(
                    f"{part.source}: person '{part.person}' rates {scale} on {span}, person '{who}' on {known}; "
                    "prepare them apart"
                )
