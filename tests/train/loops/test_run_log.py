import json
import sys
from pathlib import Path

import pytest

from memhacl.stream.errors import ConfigError
from memhacl.train.loops.run_log import RunLog, numbers

LINES = [
    {"group": "valence", "epoch": 1, "loss": 0.5, "tasks": {"valence": 0.6}},
    {"group": "valence", "epoch": 2, "loss": 0.25, "tasks": {"valence": 0.7}},
]


def test_what_a_checkpoint_does_not_know_of_goes(tmp_path: Path) -> None:
    with RunLog(tmp_path / "log.jsonl") as log:
        log.begin()
        log.write(LINES[0])
        known = log.size
        log.write(LINES[1])
        assert log.lines() == LINES
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"epoch": 3, "lo')  # a kill while a line was being written
    again = RunLog(tmp_path / "log.jsonl")
    again.begin(known)
    assert again.lines() == LINES[:1]
    again.write(LINES[1])
    assert again.lines() == LINES
    assert (tmp_path / "log.jsonl").stat().st_size == again.size
    again.begin()
    assert again.lines() == []


def test_a_log_that_is_shorter_than_a_checkpoint_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps(LINES[0]) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"log\.jsonl has \d+ bytes, not 500"):
        RunLog(tmp_path / "log.jsonl").begin(500)


def test_numbers_are_named_by_where_they_stand() -> None:
    assert numbers(LINES[0], "valence/") == [("valence/loss", 0.5), ("valence/tasks/valence", 0.6)]


def test_without_tensorboard_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # what a package that is missing looks like
    with pytest.raises(ConfigError, match=r"pip install 'memhacl\[tensorboard\]'"):
        RunLog(tmp_path / "log.jsonl", tmp_path / "board")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tensorboard's own
def test_tensorboard_shows_the_lines_of_the_log_and_no_others(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def shown() -> dict[str, list[tuple[int, float]]]:
        events = EventAccumulator(str(tmp_path / "board"))
        events.Reload()
        return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}

    with RunLog(tmp_path / "log.jsonl", tmp_path / "board") as log:
        log.begin()
        log.write(LINES[0])
        known = log.size
        log.write({"group": "valence", "epoch": 2, "loss": 9.0})
    assert shown()["valence/loss"] == [(1, 0.5), (2, 9.0)]
    with RunLog(tmp_path / "log.jsonl", tmp_path / "board") as log:
        log.begin(known)
        log.write(LINES[1])
    assert shown()["valence/loss"] == [(1, 0.5), (2, 0.25)]
    assert shown()["valence/tasks/valence"] == [(1, pytest.approx(0.6)), (2, pytest.approx(0.7))]
