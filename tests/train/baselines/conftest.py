"""Situations on made-up corpora."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from memhacl.train.baselines.situation import Situation
from memhacl.train.baselines.table import FeatureTable
from memhacl.train.config import ProtocolConfig
from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols import make_split

Numbers = NDArray[np.int64]


@pytest.fixture
def situation_of(
    made_up: Callable[..., Corpus], full_grid: Callable[..., list[object]]
) -> Callable[..., Situation]:
    """Make a situation of 8 people, each of whom saw 8 stimuli of 4 s in an order of their own."""

    def make(
        protocol: str = "trial",
        classes: Numbers | None = None,
        windows: NDArray[np.float32] | None = None,
        count: int = 2,
        **more: bool,
    ) -> Situation:
        corpus = with_times(made_up(full_grid(8, 8, 4), windows))
        split = make_split(corpus, ProtocolConfig(name=protocol, validation=0.25, test=0.25))
        if classes is None:
            classes = np.random.default_rng(1).integers(0, count, len(corpus.trials))[corpus.index["trial"]]
        return Situation(corpus, split, classes, count, FeatureTable(corpus), **more)

    return make


def with_times(corpus: Corpus) -> Corpus:
    """Let each person see the stimuli in an order of their own, 10 s apart, from some time on."""
    index = corpus.index.copy()
    people, stimuli = (int(index[name].max()) + 1 for name in ("subject", "stimulus"))
    orders = np.array([np.random.default_rng(person).permutation(stimuli) for person in range(people)])
    index["start"] = 500 + 10 * orders[index["subject"], index["stimulus"]] + index["hop"]
    return replace(corpus, index=index)
