"""Whose XDF files are: links and folders that cannot be opened, copies, and people who may be one."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from memhacl.stream.errors import DataError
from memhacl.stream.sources.registry import Source, open_source

Xdf = Callable[[], Any]


@pytest.fixture
def write(xdf: Xdf) -> Callable[..., Path]:
    def write(path: Path, seed: int = 0, name: str = "amp", unit: str = "uV", rate: float = 8.0) -> Path:
        file = xdf()
        stream = file.stream(name, "EEG", rate, ({"label": "Cz", "unit": unit},))
        file.samples(stream, [number / rate for number in range(40)], [float(seed)] * 40)
        return Path(file.write(path))

    return write


def described(folder: Path, **values: Any) -> Source:
    (folder / "lab.yaml").write_text(yaml.safe_dump({"recordings": ".", **values}))
    return open_source(str(folder / "lab.yaml"))


def test_folders_that_links_lead_to_are_searched_once(write: Callable[..., Path], tmp_path: Path) -> None:
    write(tmp_path / "disk é" / "sub-01" / "sub-01_eeg.xdf")
    write(tmp_path / "study" / "sub-02" / "sub-02_eeg.xdf", 1)
    (tmp_path / "study" / "sub-01").symlink_to(tmp_path / "disk é" / "sub-01")
    (tmp_path / "study" / "sub-02" / "loop").symlink_to(tmp_path / "study")
    source = open_source(str(tmp_path / "study"))
    assert source.people == ("sub-01", "sub-02")
    assert source.notes == ("1 folders that links lead to again are read once: sub-02/loop (.)",)


def test_a_file_whose_content_is_not_here_is_said(write: Callable[..., Path], tmp_path: Path) -> None:
    write(tmp_path / "sub-01_eeg.xdf")
    (tmp_path / "sub-02_eeg.xdf").symlink_to(".git/annex/objects/xx")
    (tmp_path / "notes.txt").symlink_to("nowhere")
    (tmp_path / "sub-03").symlink_to("/not/mounted")
    (tmp_path / "ring.xdf").symlink_to("ring.xdf")
    source = open_source(str(tmp_path))
    assert source.people == ("sub-01",)
    assert source.notes == (
        "3 files are left out: their content is not here, or not to be opened; fetch it: "
        "ring.xdf, sub-02_eeg.xdf, sub-03",
    )
    (tmp_path / "sub-01_eeg.xdf").unlink()
    with pytest.raises(DataError, match=r"found 3 links whose content is not here, .* fetch it"):
        open_source(str(tmp_path))


def test_a_folder_that_cannot_be_read_is_said(write: Callable[..., Path], tmp_path: Path) -> None:
    write(tmp_path / "sub-01_eeg.xdf")
    deep = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):  # a path too long to be opened stops whoever walks here, the superuser too
        os.mkdir("d" * 200, dir_fd=deep)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    try:
        (note,) = open_source(str(tmp_path)).notes
    finally:
        shutil.rmtree(tmp_path / ("d" * 200))
    assert note.startswith("1 folders cannot be read, and what lies in them is not there: dddd")


def test_a_file_that_two_people_have_counts_for_neither(write: Callable[..., Path], tmp_path: Path) -> None:
    for name, seed in (("P1_a", 1), ("P1_b", 2), ("P1_c", 2), ("P2_a", 3), ("P2_b", 1), ("P3_a", 1), ("P4_a", 4)):
        write(tmp_path / f"{name}.xdf", seed)
    source = described(tmp_path, person=r"(?P<person>P\d)")
    assert source.people == ("P1", "P2", "P4")
    assert source.notes[:3] == (
        "1 files are left out: they are copies of the same person's: P1_c.xdf (as P1_b.xdf)",
        "3 files are left out: they are the same as another person's, and nobody can tell whose they are: "
        "P1_a.xdf (as P2_b.xdf), P2_b.xdf (as P1_a.xdf), P3_a.xdf (as P1_a.xdf)",
        "1 people are left out, since no file is theirs alone: P3",
    )
    assert source.open("P1").excluded == {"same_file_as_another_person": 1, "duplicate_file": 1}
    assert source.open("P2").excluded == {"same_file_as_another_person": 1}
    assert source.open("P4").excluded == {}
    settled = described(tmp_path, person=r"(?P<person>P\d)", leave_out_files=["P2_b*", "P3*"])
    assert settled.open("P1").excluded == {"duplicate_file": 1}
    assert len(settled.open("P1").segments) == 2


def test_copies_are_another_persons_by_the_data_files_people_alone(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for name in ("P1 a.xdf", "P1 b.xdf"):
        write(tmp_path / name)
    with pytest.raises(DataError, match=r"found none that counts: 2 files are left out: .* nobody can tell"):
        _ = open_source(str(tmp_path)).people
    assert described(tmp_path, person=r"(?P<person>P\d)").people == ("P1",)


def test_many_copies_are_told_in_one_line(write: Callable[..., Path], tmp_path: Path) -> None:
    for number in range(9):
        write(tmp_path / f"sub-1_run-{number}.xdf")
    (note,) = open_source(str(tmp_path)).notes
    assert note.startswith("8 files are left out: they are copies of the same person's: sub-1_run-1.xdf (as ")
    assert note.endswith(", ...")


def test_names_that_begin_with_one_code_raise_the_question(write: Callable[..., Path], tmp_path: Path) -> None:
    for seed, name in enumerate(("P01_a", "P01_b", "P02-x", "2024-05-01_a", "2024-05-01_b")):
        write(tmp_path / f"{name}.xdf", seed)
    (note,) = open_source(str(tmp_path)).notes
    assert note == (
        "1 beginnings of names are several people's: are they one person? say so with 'person' of a data file: "
        "P01 (P01_a, P01_b)"
    )
    assert len(described(tmp_path, person="(?P<person>.*)").notes) == 0


def test_folders_that_are_taken_as_one_persons_are_named(write: Callable[..., Path], tmp_path: Path) -> None:
    write(tmp_path / "A" / "sub-01" / "sub-01_eeg.xdf", 1)
    write(tmp_path / "B" / "sub-01" / "sub-01_eeg.xdf", 2)
    for session in ("ses-1", "ses-2"):
        write(tmp_path / "A" / "sub-02" / session / f"sub-02_{session}_eeg.xdf", len(session))
        write(tmp_path / "A" / "sub-02" / session / f"sub-02_{session}_run-2_eeg.xdf", ord(session[-1]))
    source = open_source(str(tmp_path / "A"))
    assert not any("several folders" in note for note in source.notes)
    assert open_source(str(tmp_path)).notes[-1] == (
        "1 people have files in several folders, taken as one person's: sub-01 (in A, B)"
    )


def test_runs_in_another_unit_are_told(write: Callable[..., Path], tmp_path: Path) -> None:
    write(tmp_path / "sub-1_run-1.xdf")
    write(tmp_path / "sub-1_run-2.xdf", unit="mV", rate=16.0)
    assert open_source(str(tmp_path)).open("sub-1").notes == (
        "sub-1_run-2.xdf: EEG: is in mV, but sub-1_run-1.xdf has uV",
        "sub-1_run-2.xdf: EEG: comes at 16 Hz, but sub-1_run-1.xdf has 8 Hz",
    )


def test_runs_are_compared_by_the_streams_that_are_chosen(xdf: Xdf, tmp_path: Path) -> None:
    for number, names in enumerate((("old", "new"), ("new",), ("old",)), 1):
        file = xdf()
        for name in names:
            label = "palm" if name == "old" else f"skin {number}"
            stream = file.stream(name, "GSR", 4.0, ({"label": label, "unit": "uS"},))
            file.samples(stream, [0.0, 0.25, 0.5], [1.0, 2.0, float(number)])
        file.write(tmp_path / f"sub-1_run-{number}.xdf")
    notes = described(tmp_path, streams={"GSR": "new"}).open("sub-1").notes
    assert notes == (
        "sub-1_run-2.xdf: GSR: has other channels, but sub-1_run-1.xdf has skin 1",
        "lab.yaml: person sub-1, at 0.000 s: no stream 'new', so no GSR",
    )
