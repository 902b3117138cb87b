from pathlib import Path

import numpy as np
import pytest
from plugins.said import said

from memhacl.stream.errors import DataError
from memhacl.train.measure.predictions import Predictions, load_predictions, load_seeds, pool, save_predictions


def same(one: Predictions, other: Predictions) -> bool:
    assert one.classes == other.classes
    assert list(one.probabilities) == list(other.probabilities)
    columns = ("subject", "stimulus", "trial", "start", "fold", "truth", "planted", "cooled")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns) and all(
        np.array_equal(values, other.probabilities[who]) for who, values in one.probabilities.items()
    )


def test_what_every_seed_said_is_read_as_it_was_written(tmp_path: Path) -> None:
    seeds = [
        {"a/b": said(seed=seed, temperature=np.full(144, 2.0)), "mood": said(people=2, classes=("x", "y", "z"))}
        for seed in (3, 4)
    ]
    save_predictions(tmp_path / "p.npz", seeds)
    found = load_seeds(tmp_path / "p.npz")
    assert [list(one) for one in found] == [["a/b", "mood"]] * 2
    assert all(same(found[n][task], seeds[n][task]) for n in (0, 1) for task in seeds[n])
    assert not same(found[0]["a/b"], found[1]["a/b"])
    assert same(load_predictions(tmp_path / "p.npz")["a/b"], seeds[0]["a/b"])


def test_of_one_seed_too_and_of_a_task_without_a_rated_row(tmp_path: Path) -> None:
    nothing = said().of(np.zeros(144, dtype=bool))
    save_predictions(tmp_path / "p.npz", {"mood": nothing})
    (found,) = load_seeds(tmp_path / "p.npz")
    assert len(found["mood"]) == 0
    assert found["mood"].probabilities["model"].shape == (0, 2)


def test_a_damaged_file_and_another_version_are_said(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    with pytest.raises(DataError, match=r"p\.npz: holds no predictions"):
        load_predictions(path)
    save_predictions(path, {"mood": said()})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"p\.npz: holds no predictions"):
        load_predictions(path)
    np.savez(path, head=np.array('{"format": "memhacl.predictions/9"}'))
    with pytest.raises(DataError, match=r"expected memhacl\.predictions/1, found memhacl\.predictions/9"):
        load_predictions(path)


def test_folds_are_pooled_and_a_predictor_that_one_lacks_is_left_out() -> None:
    one, other = said(people=2), said(people=3, predictors={"model": 1.0, "person": 0.2})
    found = pool([{"mood": one}, {"mood": other}])["mood"]
    assert len(found) == len(one) + len(other)
    assert list(found.probabilities) == ["model"]
    assert found.cooled.tolist() == [1.0] * len(found)
    with pytest.raises(DataError, match="the same tasks and classes in all folds"):
        pool([{"mood": one}, {"mood": said(classes=("x", "y"))}])
