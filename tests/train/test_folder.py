import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from memhacl.stream.errors import DataError
from memhacl.stream.strict import read_yaml
from memhacl.train.config import Config
from memhacl.train.folder import RunFolder
from memhacl.train.settings import load_config


def leave_half(folder: RunFolder, stage: str, config: Config, name: str, error: BaseException) -> None:
    """Begin ``stage`` under another key, write a file and fail."""
    with folder.making(stage, "k2", config) as partial:
        (partial / name).write_bytes(b"half")
        raise error


def test_output_takes_its_name_only_when_whole(tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path / "run"), load_config("demo")
    with pytest.raises(RuntimeError, match="half way"):
        leave_half(folder, "prepare", config, "corpus/windows.npy", RuntimeError("half way"))
    assert not (tmp_path / "run").exists()
    with folder.making("prepare", "k1", config) as partial:
        (partial / "corpus" / "windows.npy").write_bytes(b"whole")
        assert not (tmp_path / "run" / "corpus").exists()
    assert (tmp_path / "run" / "corpus" / "windows.npy").read_bytes() == b"whole"
    assert folder.has("prepare", "k1")
    assert not folder.has("prepare", "k2")


def test_a_failure_keeps_what_was_there_before(tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path), load_config("demo")
    with folder.making("split", "k1", config) as partial:
        (partial / "split.json").write_text("old", encoding="utf-8")
        (partial / "scale.npz").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        leave_half(folder, "split", config, "split.json", KeyboardInterrupt())
    assert (tmp_path / "split.json").read_text(encoding="utf-8") == "old"
    assert folder.has("split", "k1")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.yaml",
        "scale.npz",
        "split.json",
        "stages.json",
    ]


def test_a_redone_stage_takes_back_those_after_it_and_no_earlier_one(tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path), load_config("demo")
    for stage in ("prepare", "pretrain", "finetune", "evaluate"):
        with folder.making(stage, "k", config):
            pass
    with folder.making("pretrain", "k", config):
        pass
    assert folder.done().keys() == {"prepare", "pretrain"}
    assert not folder.has("evaluate", "k")


def test_a_failed_redo_takes_nothing_back(tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path), load_config("demo")
    for stage in ("pretrain", "finetune"):
        with folder.making(stage, "k", config):
            pass
    with pytest.raises(RuntimeError, match="half way"):
        leave_half(folder, "pretrain", config, "pretrain/log.jsonl", RuntimeError("half way"))
    assert folder.has("finetune", "k")


def test_removed_output_is_noticed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.making("split", "k", load_config("demo")) as partial:
        (partial / "split.json").write_text("{}", encoding="utf-8")
        (partial / "scale.npz").write_bytes(b"")
    (tmp_path / "scale.npz").unlink()
    assert not folder.has("split", "k")


def test_the_merged_config_and_versions_are_kept(tmp_path: Path) -> None:
    config = load_config("demo")
    folder = RunFolder(tmp_path)
    with folder.making("pretrain", "k", config):
        pass
    kept = read_yaml(tmp_path / "config.yaml")
    assert kept["finetune"]["weight_decay"] == 0.0  # a default that the packaged file does not name
    assert load_config(str(tmp_path)) == config
    assert {"python", "torch", "numpy"} <= folder.done()["pretrain"].versions.keys()


def test_a_folder_of_other_things_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years", encoding="utf-8")
    with pytest.raises(DataError, match="expected a new, empty or run folder, found other files"):
        RunFolder(tmp_path)
    with pytest.raises(DataError, match="found a file"):
        RunFolder(tmp_path / "thesis.tex")


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"prepare": {"key": 3}})])
def test_a_damaged_list_of_stages_is_a_data_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "stages.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"stages\.json"):
        RunFolder(tmp_path).done()


def test_a_run_whose_damaged_list_was_removed_as_advised_is_done_again(tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path), load_config("demo")
    with folder.making("pretrain", "k", config):
        pass
    (tmp_path / "stages.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="remove it, and every stage is done again"):
        folder.done()
    (tmp_path / "stages.json").unlink()
    again = RunFolder(tmp_path)
    assert not again.has("pretrain", "k")
    with again.making("pretrain", "k", config):
        pass
    assert again.has("pretrain", "k")


@pytest.mark.parametrize("config", [None, "model: somebody else's\n"])
def test_a_folder_named_like_ours_without_our_config_is_not_touched(tmp_path: Path, config: str | None) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "letters.txt").write_text("years", encoding="utf-8")
    if config is not None:
        (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    with pytest.raises(DataError, match="expected a new, empty or run folder, found other files"):
        RunFolder(tmp_path)


def test_two_processes_never_work_in_one_folder(tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path / "run"), load_config("demo")
    code = (
        "import sys; from pathlib import Path; from memhacl.train.folder import RunFolder\n"
        "from memhacl.train.settings import load_config\n"
        "from memhacl.stream.errors import DataError\n"
        "try:\n"
        "    with RunFolder(Path(sys.argv[1])).making('split', 'k', load_config('demo')): pass\n"
        "except DataError as problem: print(problem)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    with folder.making("prepare", "k", config) as partial:
        (partial / "parts").mkdir()
        (partial / "parts" / "one.json").touch()
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "another memhacl-train works in this folder; wait for it, or give --out another" in said
        assert (partial / "parts" / "one.json").exists()


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path / "run"), load_config("demo")
    with (
        pytest.raises(DataError, match=r"run: cannot be written \(No space left on device\); free space"),
        folder.making("prepare", "k", config),
    ):
        raise OSError(28, "No space left on device")


def test_made_anew_nothing_of_an_interrupted_stage_is_used(tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path / "run"), load_config("demo")

    def begin(anew: bool) -> list[str]:
        found: list[str] = []
        with contextlib.suppress(RuntimeError), folder.making("prepare", "k", config, anew) as partial:
            found = [path.name for path in partial.rglob("*.json")]
            (partial / "parts").mkdir(exist_ok=True)
            (partial / "parts" / "one.json").touch()
            raise RuntimeError("interrupted")
        return found

    assert [begin(False), begin(False), begin(True)] == [[], ["one.json"], []]
