"""A model must not have seen what a run that starts from it measures."""

import numpy as np

from memhacl.stream.errors import DataError
from memhacl.train.loops.work import Work
from memhacl.train.parents.parent import Parent, Seen
from memhacl.train.protocols import Split

# Kinds whose names mean the same in every corpus of the same data.
_WORDS = {"subject": "people", "stimulus": "stimuli"}
_SHOWN = 3


def check_unseen(parent: Parent, work: Work) -> None:
    """Compare what trained ``parent`` with what validates and tests in ``work``, where both are of the same data.

    Data are the same where their hashes are. Another selection of the same recordings cannot be told from others.

    Raises
    ------
    DataError
        The model, or one that it started from, has or may have seen it.
    """
    data, origin = work.corpus.manifest.fingerprint, f"init: {work.config.init}"
    older = [ancestor.name for ancestor in parent.ancestors if ancestor.fingerprint == data]
    if parent.own.fingerprint != data and not older:
        return
    if parent.own.fingerprint == data and parent.seen is not None:
        if _same_split(parent.seen, work):
            return
        if not older:
            _check_apart(parent.seen, work.split, origin)
            return
    who = "" if not older else f" by way of '{older[0]}'"
    raise DataError(
        f"{origin}: was trained on this run's data{who}, and nothing tells that it has not seen what tests here: "
        "the numbers would leak; give the run folder of a model with this run's split, or a model of other data"
    )


def _same_split(seen: Seen, work: Work) -> bool:
    """Whether both split alike, by units whose names mean the same in both.

    Trials and clips are counted: the same name is the same trial only where the corpora have the same rows.
    """
    if seen.split.units != work.split.units:
        return False
    return set(work.split.units) <= set(_WORDS) or np.array_equal(seen.corpus.index, work.corpus.index)


def _check_apart(seen: Seen, split: Split, origin: str) -> None:
    for kind, parts in split.units.items():
        if kind not in _WORDS:
            raise DataError(
                f"{origin}: was trained on this run's data under another split: the numbers would leak; give both "
                "the same protocol and people, or start from a model of other data"
            )
        trained, chosen = (_names(seen, kind, rows) for rows in (seen.split.train, seen.split.validation))
        known = sorted(set(parts["test"]) & (trained | chosen) | set(parts["validation"]) & trained)
        if known:
            more = ", ..." if len(known) > _SHOWN else ""
            raise DataError(
                f"{origin}: has been trained on {len(known)} of the {_WORDS[kind]} that validate or test here "
                f"({', '.join(known[:_SHOWN])}{more}): the numbers would leak; give both runs the same protocol "
                "and people, or start from a model of other data"
            )


def _names(seen: Seen, kind: str, rows: np.ndarray) -> set[str]:
    manifest = seen.corpus.manifest
    names = manifest.people if kind == "subject" else manifest.stimuli
    return {names[number] for number in np.unique(seen.corpus.index[kind][rows])}
