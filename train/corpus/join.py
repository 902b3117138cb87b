"""Everybody's parts → one corpus: who stays, which trials are copies, and the files."""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Trial
from memhacl.stream.sources.registry import Source
from memhacl.train.corpus.part import Part, TrialRecord, contents
from memhacl.train.corpus.store import INDEX, Manifest, hash_tables
from memhacl.train.corpus.trials import Trials, tabulate
from memhacl.train.corpus.window_file import Block, WindowWriter

_log = logging.getLogger(__name__)


@dataclass
class Kept:
    """One person's part as it is used: ``trials`` (trials,) says which are no copies; the others are counted."""

    part: Part
    trials: NDArray[np.bool_]
    excluded: Counter[str] = field(default_factory=Counter)

    def count_empty(self, rows: NDArray[np.void]) -> None:
        """Count the trials that have no window among ``rows`` (rows,), be they too short or never valid."""
        without = self.trials.copy()
        without[rows["trial"]] = False
        self.excluded["no_valid_window"] += int(without.sum())


def _fitting(source: Source, parts: tuple[Part, ...]) -> list[Kept]:
    """People whose signals fit the montage; the others are named in the log.

    Raises
    ------
    DataError
        Nobody's do.
    """
    fit = [Kept(part, np.ones(len(part.trials), dtype=bool)) for part in parts if not part.unfit]
    if not fit:
        more = f" ({len(parts)} people in all do not fit)" if len(parts) > 1 else ""
        raise DataError(f"{parts[0].unfit}{more}")
    for part in parts:
        if part.unfit:
            _log.warning("person %s is left out: %s", part.person, part.unfit)
    return fit


def _complete(kept: list[Kept], source: Source) -> list[Kept]:
    """People who saw everything that anybody saw."""
    saw = {one.part.person: {trial.stimulus for trial in one.part.trials} for one in kept}
    every = set().union(*saw.values())
    complete = [one for one in kept if saw[one.part.person] == every]
    if len(complete) < len(kept):
        count = Counter(stimulus for stimuli in saw.values() for stimulus in stimuli)
        rarest, seen = min(count.items(), key=lambda pair: pair[1])
        said = f"{len(complete)} of {len(kept)} people saw all {len(every)} stimuli; '{rarest}' was seen by {seen}"
        if not complete:
            raise DataError(f"{source.name}: people.complete: {said}; leave it out or set people.leave_out")
        _log.warning("%s", said)
    return complete


def _without_copies(kept: list[Kept]) -> list[Kept]:
    """Mark trials whose samples are those of another: of one person the first stays, of several people none."""
    found: dict[str, list[tuple[Kept, int]]] = defaultdict(list)
    for one in kept:
        for place, trial in enumerate(one.part.trials):
            if trial.digest:
                found[trial.digest].append((one, place))
    for places in (places for places in found.values() if len(places) > 1):
        people = sorted({one.part.person for one, _ in places})
        reason = "copied_trial" if len(people) == 1 else "same_samples_as_another_person"
        for one, place in places[1:] if len(people) == 1 else places:
            one.trials[place] = False
            one.excluded[reason] += 1
            if one.excluded[reason] == 1:
                others = [person for person in people if person != one.part.person] or people
                stimulus = one.part.trials[place].stimulus
                _log.warning(
                    "person %s, stimulus %s: the samples are those of person %s: such trials are left out",
                    one.part.person, stimulus, ", ".join(others),
                )  # fmt: skip
    return kept


def staying(source: Source, parts: tuple[Part, ...], only_complete: bool) -> list[Kept]:
    """People who stay in the corpus, and which of their trials do.

    With ``only_complete`` they are those who saw everything that anybody saw.

    Raises
    ------
    DataError
        Nobody's signals fit the montage, or nobody saw everything.
    """
    fit = _fitting(source, parts)
    return _without_copies(_complete(fit, source) if only_complete else fit)


def join(source: Source, parts: tuple[Part, ...], kept: list[Kept], fingerprint: str, folder: Path) -> Manifest:
    """Write windows, index, trials and manifest of the ``kept`` people to ``folder``/corpus.

    The parts lie in ``folder``/parts; ``fingerprint`` is that of the source's content.

    Raises
    ------
    DataError
        No window is left.
    """
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    table = _Table()
    with WindowWriter(corpus / "windows.npy", parts[0].signals.shape) as writer:
        for one in kept:
            table.take(one, *contents(one.part, folder / "parts"), writer)
    if not table.blocks:
        said = _said(+table.excluded) or _trials_left_out(kept)
        raise DataError(f"{source.name}: no valid window in any stimulus; left out: {said}")
    np.save(corpus / "index.npy", np.concatenate(table.rows))
    trials = table.trials()
    trials.save(corpus / "trials.npz")
    manifest = Manifest(
        source=source.name,
        fingerprint=fingerprint,
        simulated=any(one.part.simulated for one in kept),
        signals=kept[0].part.signals,
        people=tuple(table.blocks),
        stimuli=tuple(table.stimuli),
        trials=len(trials),
        windows=sum(block.rows for block in table.blocks.values()),
        scales={scale: span for one in kept for scale, span in one.part.scales.items()},
        categories={kind: coded.names for kind, coded in trials.categories.items()},
        excluded=+table.excluded,
        excluded_trials=sum((Counter(one.part.excluded_trials) + one.excluded for one in kept), Counter()),
        excluded_people=_excluded_people(source, parts, kept, table.blocks),
        notes=(*source.notes, *(note for one in kept for note in one.part.notes)),
        blocks=tuple(table.blocks.values()),
        tables=hash_tables(corpus),
    )
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
    (corpus / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return manifest


class _Table:
    """Rows of the index, trials and blocks of all people, with numbers for names; windows left out, by reason."""

    def __init__(self) -> None:
        self.stimuli: dict[str, int] = {}
        self.rows: list[NDArray[np.void]] = []
        self.blocks: dict[str, Block] = {}  # by person
        self.excluded: Counter[str] = Counter()
        self._trials: list[tuple[int, int, Trial]] = []

    def take(self, one: Kept, windows: NDArray[np.float32], rows: NDArray[np.void], writer: WindowWriter) -> None:
        """Give ``writer`` those of a person's ``windows`` (rows, channels, samples) that stay, and note them."""
        use = one.trials[rows["trial"]]
        one.count_empty(rows)
        self.excluded.update(one.part.excluded)
        self.excluded["copied"] += int((~use).sum())
        if use.any():
            self._add(len(self.blocks), one, rows[use])
            self.blocks[one.part.person] = writer.append(windows if use.all() else windows[use])

    def _add(self, subject: int, one: Kept, rows: NDArray[np.void]) -> None:
        number = np.full(len(one.part.trials), -1, dtype=np.int32)
        for place in np.unique(rows["trial"]).tolist():
            record = one.part.trials[place]
            stimulus = self.stimuli.setdefault(record.stimulus, len(self.stimuli))
            number[place] = len(self._trials)
            self._trials.append((subject, stimulus, _trial(record)))
        index = np.empty(len(rows), dtype=INDEX)
        index["subject"], index["trial"] = subject, number[rows["trial"]]
        index["hop"], index["start"] = rows["hop"], rows["start"]
        index["stimulus"] = [self._trials[trial][1] for trial in index["trial"].tolist()]
        self.rows.append(index)

    def trials(self) -> Trials:
        """All trials as columns."""
        return tabulate(self._trials)


def _trial(record: TrialRecord) -> Trial:
    rest, rested = record.rest
    return Trial(record.stimulus, rest, rested, rested, record.ratings, record.planted, record.categories)


def _excluded_people(
    source: Source, parts: tuple[Part, ...], kept: list[Kept], blocks: dict[str, Block]
) -> dict[str, str]:
    """Name everybody of the source who is not in the corpus, with the reason."""
    unfit = {part.person: part.unfit for part in parts}
    chosen = {one.part.person: one for one in kept}

    def reason(person: str) -> str:
        if person not in unfit:
            return "left out by people.leave_out"
        if person not in chosen:
            return unfit[person] or "did not see every stimulus"
        return "no valid window" if chosen[person].trials.any() else "all trials are copies, or there are none"

    return {person: reason(person) for person in source.people if person not in blocks}


def left_out(manifest: Manifest) -> str:
    """Say in one line who and what is not in the corpus, and why."""
    people = ", ".join(manifest.excluded_people)
    parts = [f"{len(manifest.excluded_people)} people ({people})"] if people else []
    counts = {"trials": manifest.excluded_trials, "windows": manifest.excluded}
    parts += [f"{what}: {_said(excluded)}" for what, excluded in counts.items() if excluded]
    return "; ".join(parts) or "nothing"


def _trials_left_out(kept: list[Kept]) -> str:
    return _said(sum((Counter(one.part.excluded_trials) for one in kept), Counter())) or "no trial is marked"


def _said(excluded: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(excluded.items()))
