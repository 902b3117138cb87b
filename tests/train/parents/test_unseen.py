"""Equal names of trials and clips are no proof: they are counted."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from memhacl.stream.errors import DataError
from memhacl.train.config import ProtocolConfig
from memhacl.train.corpus.store import Corpus
from memhacl.train.parents.parent import Seen
from memhacl.train.parents.unseen import check_unseen
from memhacl.train.protocols import make_split


def parent_and_work(theirs: Corpus, ours: Corpus, protocol: str) -> tuple[Any, Any]:
    """What is compared of a model and of a run on the same data."""
    splits = [make_split(corpus, ProtocolConfig(name=protocol)) for corpus in (theirs, ours)]
    own = SimpleNamespace(fingerprint=theirs.manifest.fingerprint)
    parent = SimpleNamespace(own=own, ancestors=(), seen=Seen(theirs, splits[0]))
    return parent, SimpleNamespace(corpus=ours, split=splits[1], config=SimpleNamespace(init="model"))


@pytest.mark.parametrize("protocol", ["trial", "paper"])
def test_equal_units_of_other_rows_are_no_proof(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], protocol: str
) -> None:
    corpus = made_up(full_grid(4, 5, 3))
    other = made_up(full_grid(4, 5, 3))
    check_unseen(*parent_and_work(corpus, other, protocol))
    other.index["start"] += 0.5  # the same numbers of trials and seconds, of other windows
    with pytest.raises(DataError, match="under another split: the numbers would leak"):
        check_unseen(*parent_and_work(corpus, other, protocol))
