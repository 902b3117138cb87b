import shutil
from pathlib import Path

import pytest

from memhacl.stream.errors import DataError
from memhacl.train.config import Config
from memhacl.train.folder import RunFolder
from memhacl.train.settings import load_config


@pytest.fixture
def config() -> Config:
    return load_config("demo")


@pytest.fixture
def owner(tmp_path: Path, config: Config) -> RunFolder:
    """A run folder whose first two stages are finished under the key 'k'."""
    folder = RunFolder(tmp_path / "all" / "owner")
    for stage, name in (("prepare", "corpus/windows.npy"), ("split", "split.json")):
        made(folder, stage, "k", config, name)
    return folder


def made(folder: RunFolder, stage: str, key: str, config: Config, name: str, content: bytes = b"theirs") -> None:
    with folder.making(stage, key, config) as partial:
        (partial / name).write_bytes(content)
        if stage == "split":
            (partial / "scale.npz").write_bytes(content)


def borrowing(owner: RunFolder, config: Config) -> RunFolder:
    folder = RunFolder(owner.path.parent / "deep" / "inside" / "run")
    folder.borrow("prepare", "k", owner, config)
    folder.borrow("split", "k", owner, config)
    return folder


def test_what_is_borrowed_is_there_under_the_same_key(owner: RunFolder, config: Config) -> None:
    folder = borrowing(owner, config)
    assert folder.has("prepare", "k")
    assert folder.has("split", "k")
    assert not folder.has("prepare", "other")
    assert (folder.path / "corpus" / "windows.npy").read_bytes() == b"theirs"
    assert load_config(str(folder.path)) == config


def test_both_can_be_moved_together(owner: RunFolder, config: Config, tmp_path: Path) -> None:
    borrowing(owner, config)
    shutil.move(tmp_path / "all", tmp_path / "elsewhere")
    assert RunFolder(tmp_path / "elsewhere" / "deep" / "inside" / "run").has("split", "k")


def test_alone_it_has_lost_what_it_borrowed(owner: RunFolder, config: Config, tmp_path: Path) -> None:
    folder = borrowing(owner, config)
    shutil.move(folder.path, tmp_path / "alone")
    assert not RunFolder(tmp_path / "alone").has("prepare", "k")


def test_what_its_owner_makes_anew_counts_no_longer(owner: RunFolder, config: Config) -> None:
    folder = borrowing(owner, config)
    made(owner, "prepare", "k2", config, "corpus/windows.npy", b"other")
    assert not folder.has("prepare", "k")
    assert not folder.has("split", "k")  # it went with its owner's corpus
    folder.borrow("prepare", "k2", owner, config)
    assert folder.has("prepare", "k2")
    assert folder.done().keys() == {"prepare"}


def test_a_stage_of_ones_own_leaves_what_was_borrowed_to_its_owner(owner: RunFolder, config: Config) -> None:
    folder = borrowing(owner, config)
    for stage, name in (("prepare", "corpus/windows.npy"), ("split", "split.json")):
        made(folder, stage, "mine", config, name, b"mine")
        assert (folder.path / name).read_bytes() == b"mine"
        assert (owner.path / name).read_bytes() == b"theirs"
    assert owner.has("split", "k")


def test_only_what_is_there_can_be_borrowed(owner: RunFolder, config: Config, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"owner: 'pretrain' has not run there as it is needed in .*run; run it first"
    ):
        RunFolder(tmp_path / "run").borrow("pretrain", "k", owner, config)
    assert not (tmp_path / "run").exists()


def test_to_borrow_again_takes_nothing_back(owner: RunFolder, config: Config) -> None:
    folder = borrowing(owner, config)
    folder.borrow("prepare", "k", owner, config)
    assert folder.has("split", "k")


def test_where_nothing_can_be_written_it_says_so(owner: RunFolder, config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot link to .*owner \(Not a directory\); give another --out"):
        RunFolder(tmp_path / "file" / "run").borrow("prepare", "k", owner, config)
