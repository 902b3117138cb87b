from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from memhacl.train.corpus.scaling import measure_scale
from memhacl.train.corpus.store import Corpus
from memhacl.train.loops import work
from memhacl.train.loops.work import Feed, batches


def test_windows_come_standardised_from_memory_and_from_disk_alike(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = made_up(full_grid(3, 2, 2))
    scale = measure_scale(corpus, np.arange(6))
    rows = np.array([[0, 7], [3, 3]])
    in_memory = Feed(corpus, scale, torch.device("cpu"))(rows)
    monkeypatch.setattr(work, "_SHARE", 0.0)  # nothing fits: every batch is read from the corpus
    from_disk = Feed(corpus, scale, torch.device("cpu"))(rows)
    assert in_memory.shape == (2, 2, 3, 16)
    assert torch.equal(in_memory, from_disk)
    expected = (corpus.windows[7] - scale.mean[:, None]) / scale.std[:, None]
    np.testing.assert_allclose(in_memory[0, 1].numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("rows", "size"), [(1, 8), (8, 8), (9, 8), (65, 64), (1000, 64), (3, 2), (7, 2)])
def test_batches_hold_every_row_once_and_never_one_alone(rows: int, size: int) -> None:
    cut = list(batches(np.arange(rows), size))
    np.testing.assert_array_equal(np.concatenate(cut), np.arange(rows))
    assert max(map(len, cut)) <= max(size, 3)
    assert min(map(len, cut)) > 1 or rows == 1
