from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memhacl.stream.errors import DataError
from memhacl.train.corpus.scaling import load_scale, measure_scale
from memhacl.train.corpus.store import Corpus


def test_scale_is_that_of_the_given_rows_alone(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any]
) -> None:
    rows = full_grid(4, 3, 2)
    windows = np.random.default_rng(0).normal(3e5, 40.0, (len(rows), 3, 16)).astype(np.float32)
    corpus = made_up(rows, windows)
    train = np.flatnonzero(corpus.index["subject"] < 3)
    scale = measure_scale(corpus, train)
    np.testing.assert_allclose(scale.mean, windows[train].astype(np.float64).mean(axis=(0, 2)), rtol=1e-6)
    np.testing.assert_allclose(scale.std, windows[train].astype(np.float64).std(axis=(0, 2)), rtol=1e-5)
    windows[corpus.index["subject"] == 3] = 1e9  # a marker in the person who does not train
    again = measure_scale(corpus, train)
    np.testing.assert_array_equal(scale.mean, again.mean)
    np.testing.assert_array_equal(scale.std, again.std)


def test_a_channel_that_never_moves_is_left_unscaled_and_said(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    rows = full_grid(3, 3, 1)
    windows = np.random.default_rng(0).standard_normal((len(rows), 3, 16)).astype(np.float32)
    windows[:, 1] = 7.0
    scale = measure_scale(made_up(rows, windows), np.arange(len(rows)))
    assert scale.std[1] == 1.0
    assert "channel Cz never moves" in caplog.text


def test_scale_survives_the_disk_and_damage_is_said(
    made_up: Callable[..., Corpus], full_grid: Callable[..., Any], tmp_path: Path
) -> None:
    scale = measure_scale(made_up(full_grid(3, 3, 1)), np.arange(9))
    scale.save(tmp_path / "scale.npz")
    np.testing.assert_array_equal(load_scale(tmp_path / "scale.npz").std, scale.std)
    (tmp_path / "scale.npz").write_bytes(b"not a zip")
    with pytest.raises(DataError, match="holds no scaling"):
        load_scale(tmp_path / "scale.npz")
