"""The example of docs/datasets.md: WESAD's wrist instead of its chest, with the config of the chest."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from memhacl.stream.errors import DataError
from memhacl.train.cli import dispatch
from memhacl.train.corpus.store import load_corpus

GUIDE = Path(__file__).parents[2] / "docs" / "datasets.md"


def test_the_example_as_the_guide_has_it(
    tmp_path: Path, write_wesad: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    _, _, data_file = guide.partition("# wrist.yaml\n")
    _, _, command = guide.partition("memhacl-train run wesad --data wrist.yaml")
    changes = shlex.split(command.partition("```")[0].replace("\\\n", " "))[2:]  # after --out
    write_wesad(tmp_path / "WESAD", people=(2, 14), seconds=500.0)
    monkeypatch.chdir(tmp_path)
    Path("wrist.yaml").write_text(data_file.partition("```")[0])
    prepare = ["prepare", "wesad", "--data", "wrist.yaml", "--workers", "1"]
    assert dispatch([*prepare, "--out", "run", *changes]) == 0
    corpus = load_corpus(Path("run") / "corpus")
    assert corpus.manifest.people == ("S2",)
    assert len(corpus.index) > 20
    with pytest.raises(DataError, match=r"expected at least 11 Hz for GSR .* found 4 Hz"):
        dispatch([*prepare, "--out", "plain"])
