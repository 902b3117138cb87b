"""Cross-validations that the tests here share; not to be written to."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def few_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A description of six simulated people."""
    from plugins.crossvalidating import PEOPLE  # loads torch, which most tests can do without

    path = tmp_path_factory.mktemp("people") / "six.yaml"
    path.write_text(PEOPLE, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def plain(few_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds of a supervised network and the refit, done in one go in this process."""
    from plugins.crossvalidating import folded, go

    folder = tmp_path_factory.mktemp("folds") / "plain"
    assert go(folded(), folder, few_people)[0] == 0
    return folder


@pytest.fixture(scope="session")
def compared(few_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds with two seeds of the whole method, beside a linear probe, and a permutation of the labels."""
    from plugins.crossvalidating import folded, go

    folder = tmp_path_factory.mktemp("folds") / "compared"
    config = folded("me-mhacl", compare=("probe",), seeds=(3, 0), permutations=1)
    assert go(config, folder, few_people)[0] == 0
    return folder
