from pathlib import Path

import numpy as np
import pytest

from memhacl.train.report.embedding import Cloud, load_clouds, save_clouds, two_dimensions


def test_windows_that_an_encoder_finds_alike_lie_beside_each_other() -> None:
    random = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], 20)
    points = two_dimensions(random.normal(size=(60, 16)) + 12 * kind[:, None])
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(60, np.inf))
    assert (kind[gaps.argmin(axis=1)] == kind).all()


def test_the_same_features_give_the_same_picture() -> None:
    features = np.random.default_rng(1).normal(size=(40, 8))
    assert (two_dimensions(features) == two_dimensions(features)).all()


def test_an_encoder_to_which_all_is_one_is_shown_as_one_point() -> None:
    assert (two_dimensions(np.ones((20, 8))) == 0).all()


def test_what_is_written_is_read_whatever_the_names_are() -> None:
    names = np.array(["a/b", "../c", "日本"])
    cloud = Cloud(
        np.arange(6.0).reshape(3, 2), names, names[::-1], {"x/../y": names}, np.full((2, 2), 0.5), ("EEG", "GSR")
    )
    path = Path("clouds.npz")
    save_clouds(path, {"g/../h": cloud, "second": cloud})
    found = load_clouds(path)
    assert list(found) == ["g/../h", "second"]
    for one in found.values():
        for column in ("points", "subject", "stimulus", "attention"):
            assert np.array_equal(getattr(one, column), getattr(cloud, column))
        assert np.array_equal(one.classes["x/../y"], names)
        assert one.modalities == ("EEG", "GSR")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_shows_its_test_windows_and_where_the_encoder_looks(trained: Path) -> None:
    cloud = load_clouds(trained / "evaluate" / "embedding.npz")["shared"]
    assert cloud.points.shape == (len(cloud.subject), 2)
    assert np.ptp(cloud.points, axis=0).min() > 0
    assert set(cloud.classes) == {"valence", "quadrant"}
    assert set(cloud.classes["valence"]) <= {"low", "high"}
    assert cloud.modalities == ("EEG", "GSR", "Resp", "Temp")
    assert cloud.attention.shape == (8, 4)
    assert cloud.attention.sum(axis=1) == pytest.approx(np.ones(8))
