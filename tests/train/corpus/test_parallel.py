"""People in several processes: the same results, their warnings, and an end whatever happens."""

import logging
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memhacl.stream.errors import DataError
from memhacl.train.corpus import parallel
from memhacl.train.corpus.parallel import over_people

PEOPLE = [f"p{number}" for number in range(6)]


def where(person: str) -> tuple[str, int]:
    logging.getLogger("memhacl.somewhere").warning("%s looks odd", person)
    return person.upper(), os.getpid()


def fails(person: str) -> str:
    if person == "p3":
        raise DataError("p3.dat: is damaged")
    return person


def killed(person: str) -> str:
    if multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), 9)
    return person


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_WORTH", -1.0)


def test_little_work_stays_in_this_process() -> None:
    assert {pid for _, (_, pid) in over_people(where, PEOPLE, 2)} == {os.getpid()}


@pytest.mark.usefixtures("always")
def test_much_work_is_done_in_several_and_what_it_logs_comes_out_here(caplog: pytest.LogCaptureFixture) -> None:
    found = dict(over_people(where, PEOPLE, 2))
    assert {person: upper for person, (upper, _) in found.items()} == {p: p.upper() for p in PEOPLE}
    assert 2 <= len({pid for _, pid in found.values()}) <= 3
    assert sorted(record.getMessage() for record in caplog.records) == [f"{p} looks odd" for p in PEOPLE]
    assert not multiprocessing.active_children()


@pytest.mark.usefixtures("always")
def test_a_problem_in_another_process_is_raised_here_and_the_others_end() -> None:
    with pytest.raises(DataError, match=r"p3\.dat: is damaged"):
        list(over_people(fails, PEOPLE, 2))
    assert not multiprocessing.active_children()


@pytest.mark.usefixtures("always")
def test_a_process_that_is_killed_is_told_in_words() -> None:
    with pytest.raises(DataError, match=r"could not start, or was killed, .* use --workers 1"):
        list(over_people(killed, PEOPLE, 2))


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    module = tmp_path / "slow_work.py"
    module.write_text(
        "import os, sys, time, pathlib\n"
        "from memhacl.train.corpus import parallel\n"
        "def work(person):\n"
        "    if person != 'p0':\n"
        "        pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else '.', str(os.getpid())).touch()\n"
        "        time.sleep(120)\n"
        "if __name__ == '__main__':\n"
        "    parallel._WORTH = -1.0\n"
        "    list(parallel.over_people(work, ['p0', 'p1', 'p2', 'p3'], 2))\n"
    )
    pids = tmp_path / "pids"
    pids.mkdir()
    parent = subprocess.Popen([sys.executable, str(module), str(pids)])
    try:
        assert _until(lambda: len(list(pids.iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()
    assert _until(lambda: not any(_runs(int(path.name)) for path in pids.iterdir()))


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(") ")[1][:1]
    except OSError:
        return False


def _until(true: object, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False
