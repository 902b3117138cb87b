"""Copies of a module's pretrained run folder."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def begun(pretrained: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copy the run folder that the module's fixture ``pretrained`` made under a name."""
    return lambda name: Path(shutil.copytree(pretrained, tmp_path / name))
