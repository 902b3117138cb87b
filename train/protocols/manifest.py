"""The manifest of folds: which units test in which, as a file that others can check and use."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from memhacl.stream.errors import DataError
from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols.rules import PARTS
from memhacl.train.protocols.split import Split, split_from
from memhacl.train.protocols.units import units_of

FORMAT: Final = "memhacl.folds/1"


def save_folds(path: Path, folds: Sequence[Split], corpus: Corpus) -> None:
    """Write ``folds`` of ``corpus`` to a JSON file: protocol, seed, the data's fingerprint, the units of each."""
    first, manifest = folds[0], corpus.manifest
    head = {
        "format": FORMAT,
        "protocol": first.protocol,
        "meaning": first.meaning,
        "disjoint": first.disjoint,
        "leaky": first.leaky,
        "seed": first.seed,
        "source": manifest.source,
        "simulated": manifest.simulated,
        "fingerprint": manifest.fingerprint,
    }
    each = [{"fold": fold.fold, "rows": fold.sizes(), "units": fold.units} for fold in folds]
    path.write_text(json.dumps(head | {"folds": each}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_folds(path: Path, corpus: Corpus) -> tuple[Split, ...]:
    """Read the folds in ``path`` and find their rows in ``corpus``.

    Raises
    ------
    DataError
        The file is no manifest of folds, or one of other data, or of another selection of them.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise DataError(
                f"{path}: expected the format {FORMAT}, found {stored['format']}; plan the folds again"
            )
        _same_data(path, stored, corpus)
        common = {"protocol": stored["protocol"], "seed": stored["seed"]}
        folds = tuple(split_from(common | entry, corpus) for entry in stored["folds"])
        wrong = [
            fold.fold for fold, entry in zip(folds, stored["folds"], strict=True) if fold.sizes() != entry["rows"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DataError(f"{path}: is no manifest of folds ({problem!r}); plan the folds again") from None
    if wrong:
        raise DataError(
            f"{path}: expected for fold {wrong[0]} as many windows as this corpus has, found another number: "
            "trials or windows were cut otherwise; plan the folds again"
        )
    return folds


def _same_data(path: Path, stored: Mapping[str, Any], corpus: Corpus) -> None:
    manifest = corpus.manifest
    if stored["fingerprint"] != manifest.fingerprint:
        raise DataError(
            f"{path}: expected folds of this corpus ({manifest.source}, data {manifest.fingerprint[:8]}), found "
            f"those of other data ({stored['source']}, {str(stored['fingerprint'])[:8]}); give the data that they "
            "were planned for, or plan them again"
        )
    for kind, parts in stored["folds"][0]["units"].items():
        planned, here = {name for part in PARTS for name in parts[part]}, set(units_of(corpus, kind).names)
        if planned != here:
            odd = min(planned ^ here)
            raise DataError(
                f"{path}: expected folds of all units of kind '{kind}' of this corpus ({len(here)}), found "
                f"folds of {len(planned)}; '{odd}' is in one of them only; plan the folds again"
            )
