"""One file of a model that can do without modalities, for all tests: it takes seconds to write."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tolerant_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of `plugins.tolerant` for its three modalities, each of which it can do without."""
    from plugins.tolerant import three, write_tolerant  # here: torch takes seconds to import

    return write_tolerant(tmp_path_factory.mktemp("tolerant") / "model.onnx", three())
