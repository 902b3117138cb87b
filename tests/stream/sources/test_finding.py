"""What a path is taken for: near, below, beside or closed to a known data set, in any case of letters."""

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memhacl.stream.errors import DataError
from memhacl.stream.sources import files
from memhacl.stream.sources.registry import open_source

Write = Callable[..., Path]
# root may read all: what bites others is tried without that power
PLAIN = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
LOCKED = pytest.mark.skipif(bool(PLAIN) and shutil.which("setpriv") is None, reason="root, and no setpriv")


@pytest.fixture
def lock() -> Iterator[Callable[[Path, int], None]]:
    """Takes permissions from a path until the test's end."""
    locked: list[Path] = []

    def taken(path: Path, mode: int = 0) -> None:
        locked.append(path)
        path.chmod(mode)

    yield taken
    for path in locked:
        path.chmod(0o700)


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*PLAIN, str(Path(sys.executable).parent / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@LOCKED
def test_a_folder_that_may_not_be_looked_into_is_told_in_one_line(
    tmp_path: Path, lock: Callable[..., None]
) -> None:
    (tmp_path / "data" / "inner").mkdir(parents=True)
    lock(tmp_path / "data")
    for where in ("data", "data/inner"):
        done = run("memhacl-train", "inspect", str(tmp_path / where))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert f"{tmp_path / where}: " in done.stderr
        assert "cannot be read (Permission denied)" in done.stderr


@LOCKED
def test_the_others_are_read_where_one_persons_folder_is_closed(
    tmp_path: Path, write_wesad: Write, lock: Callable[..., None]
) -> None:
    write_wesad(tmp_path / "WESAD", people=(2, 3, 4), seconds=20.0)
    lock(tmp_path / "WESAD" / "S4")
    done = run("memhacl-train", "inspect", str(tmp_path / "WESAD"), "--config", "wesad", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "S4: holds no S4.pkl that can be read; left out" in done.stdout
    assert "Traceback" not in done.stderr


@LOCKED
def test_what_lies_around_or_beside_the_files_need_not_be_open(
    tmp_path: Path, write_deap_original: Write, write_deap_files: Write, lock: Callable[..., None]
) -> None:
    write_deap_original(tmp_path / "DEAP", (2,), 2, 6.0, 64)
    write_deap_files(tmp_path / "closed" / "deap", people=1, trials=1)
    (tmp_path / "DEAP" / "metadata_xls").mkdir()
    lock(tmp_path / "DEAP" / "metadata_xls")
    lock(tmp_path / "closed" / "deap", 0o400)  # its names can be listed, no more
    done = run("memhacl-train", "inspect", str(tmp_path / "DEAP"), "--workers", "1")
    assert "DEAP original" in done.stdout, done.stderr
    done = run("memhacl-replay", str(tmp_path / "closed" / "deap"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Permission denied" in done.stderr


def test_nobody_may_look_means_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    assert not files.is_file(tmp_path / "x")
    assert not files.is_dir(tmp_path)


@pytest.mark.parametrize("where", ["", "  "])
def test_an_empty_path_is_none(where: str) -> None:
    with pytest.raises(DataError, match="expected data, found an empty path; expected the folder of a known"):
        open_source(where)


def test_data_sets_one_level_below_are_named_xdf_files_or_not(
    tmp_path: Path, write_wesad: Write, write_kalunga: Write
) -> None:
    write_wesad(tmp_path / "wesad", people=(2,), seconds=5.0)
    (tmp_path / "wesad").rename(tmp_path / "a wesad")
    write_kalunga(tmp_path / "kalunga_ssvep")
    (tmp_path / "notes").mkdir()
    expected = (
        f"{tmp_path}: expected one data set, found WESAD in 'a wesad' and kalunga-ssvep in 'kalunga_ssvep'; "
        "give the folder of one"
    )
    for name in ("readme.txt", "notes/session.xdf"):
        (tmp_path / name).touch()
        with pytest.raises(DataError) as raised:
            open_source(str(tmp_path))
        assert str(raised.value) == expected


def test_damage_below_does_not_keep_from_the_files_here(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "s01.dat").touch()
    (tmp_path / "x" / "simulated.json").write_text("{")
    (tmp_path / "session.xdf").touch()
    assert open_source(str(tmp_path)).name == "XDF"


def test_xdf_files_beside_a_data_set_are_told_of(tmp_path: Path, write_deap_files: Write) -> None:
    write_deap_files(tmp_path, people=1, trials=40)
    plain = open_source(str(tmp_path))
    assert plain.notes == ()
    for number in range(7):
        (tmp_path / f"run{number}.XDF").touch()
    source = pickle.loads(pickle.dumps(open_source(str(tmp_path))))
    assert source.notes == (
        "DEAP: 7 XDF files beside it are not read: run0.XDF, run1.XDF, run2.XDF, run3.XDF, run4.XDF, ...; "
        "give one of them to read it",
    )
    assert (source.name, source.people, source.one_file) == ("DEAP", ("s01",), False)
    assert source.fingerprint() == plain.fingerprint()
    assert len(source.open("s01").segments) == 40


def test_a_relative_path_without_a_name_is_what_it_stands_for(
    tmp_path: Path, write_stress_predict: Write, write_wesad: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stress_predict(tmp_path / "stress")
    write_wesad(tmp_path / "WESAD", people=(2,), seconds=5.0)
    for folder, people in (("stress/Raw_data/S02", ("S02",)), ("WESAD/S2", ("S2",))):
        for inside, where in (("", "."), ("", "./"), ("below", "..")):
            (tmp_path / folder / inside).mkdir(exist_ok=True)
            monkeypatch.chdir(tmp_path / folder / inside)
            assert open_source(where).people == people
    monkeypatch.chdir(tmp_path / "stress" / "Raw_data" / "S02" / "below")
    with pytest.raises(DataError, match=r"^\.: the folder is empty"):
        open_source(".")


def test_case_does_not_matter(tmp_path: Path, write_deap_files: Write, write_mahnob: Write) -> None:
    folder = write_deap_files(tmp_path / "d" / "Data_Preprocessed_Python", people=2, trials=1)
    (folder / "s01.dat").rename(folder / "S01.DAT")
    for where in (folder, folder.parent):
        assert open_source(str(where)).people == ("s01", "s02")
    assert open_source(str(folder / "S01.DAT")).people == ("s01",)
    write_mahnob(tmp_path / "HCI", people=(7,), stimuli=1, film=4.0)
    (tmp_path / "HCI" / "Sessions").rename(tmp_path / "HCI" / "sessions")
    assert open_source(str(tmp_path / "HCI")).people == ("P07",)


def test_one_person_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s01.dat").touch()
    (tmp_path / "S01.dat").touch()
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("the file system does not tell them apart")
    with pytest.raises(DataError, match=r"expected one file of s01, found [sS]01\.dat and [sS]01\.dat; keep one"):
        open_source(str(tmp_path))


def test_of_many_names_a_few_are_shown() -> None:
    assert files.few("abcde") == "a, b, c, d, e"
    assert files.few([f"P{n}" for n in range(1, 9)]) == "P1, P2, P3, P4, P5, ..."
    assert files.few([]) == ""
