"""MAT-files: the same content as another reader finds, and one line for whatever is wrong."""

import struct
import tracemalloc
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from memhacl.stream.errors import DataError
from memhacl.stream.sources.formats import mat_file
from memhacl.stream.sources.formats.mat_elements import Cell, Other, Value

FIXED = [HealthCheck.function_scoped_fixture]  # the folder: each example writes its own file anew
BY_MATLAB = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data"

numbers = st.one_of(
    arrays.arrays(np.float64, arrays.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=4)),
    arrays.arrays(np.int16, arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=4)),
    arrays.arrays(np.float32, (1, 3)),
)
names = st.text("abcXYZ_1", min_size=1, max_size=20).map(lambda name: "n" + name)


def as_cell(items: list[Any], shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    cell = np.empty(len(items), dtype=object)
    cell[:] = [None] * len(items)
    for place, item in enumerate(items):
        cell[place] = item
    return cell.reshape(shape)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    row = st.lists(inner, max_size=4).map(lambda items: as_cell(items, (1, len(items))))
    block = st.lists(inner, min_size=6, max_size=6).map(lambda items: as_cell(items, (2, 3)))
    return row | block | st.dictionaries(names, inner, min_size=1, max_size=4)


values = st.recursive(numbers | st.text("aöλ ", max_size=5), nested, max_leaves=8)


def read_all(path: Path) -> dict[str, Value]:
    with mat_file.opened(path) as variables:
        return {variable.name: variable.value() for variable in variables}


def check_same(ours: Value, theirs: Any) -> None:
    """Compare what we read with what scipy does."""
    if isinstance(ours, Cell):
        assert ours.shape == theirs.shape
        for one, other in zip(ours.items, theirs.ravel(order="F"), strict=True):
            check_same(one, other)
    elif isinstance(ours, dict):
        assert tuple(ours) == theirs.dtype.names
        for name, value in ours.items():
            check_same(value, theirs[0, 0][name])
    elif isinstance(ours, str):
        assert ours.strip() == "".join(theirs.ravel()).strip()
    elif isinstance(ours, np.ndarray) and ours.size:
        np.testing.assert_array_equal(ours, theirs)
    else:
        assert isinstance(ours, Other) or not theirs.size


@given(content=st.dictionaries(names, values, min_size=1, max_size=3), compress=st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=FIXED)
def test_reads_what_scipy_reads(content: dict[str, Any], compress: bool, tmp_path: Path) -> None:
    path = tmp_path / "any.mat"
    scipy.io.savemat(path, content, do_compression=compress)
    found, expected = read_all(path), scipy.io.loadmat(path)
    assert set(found) == set(content)
    for name, value in found.items():
        check_same(value, expected[name])


def test_reads_what_matlab_wrote() -> None:
    files = sorted(path for path in BY_MATLAB.glob("test*_[5-9].*.mat") if "hdf5" not in path.name)
    if not files:
        pytest.skip("this scipy comes without its own tests' files, which MATLAB wrote")
    others = []
    for path in files:  # versions 5.3 to 7.4 of MATLAB, both byte orders
        expected = scipy.io.loadmat(path)
        for name, value in read_all(path).items():
            check_same(value, expected[name])
            others += [value.what] if isinstance(value, Other) else []
    assert set(others) == {
        "complex numbers", "a function", "an object", "a sparse matrix", "a 3x5 text array", "a 1x2 struct array",
    }  # fmt: skip


def small(path: Path, compress: bool) -> bytes:
    content = {
        "before": np.arange(6.0).reshape(2, 3),
        "deep": {"Data": as_cell([{"EEG": np.full((5, 3), 0.5), "who": "ä"}, np.zeros((0, 0))], (1, 2))},
        "cells": as_cell(["4", np.arange(9).reshape(3, 3), np.zeros((0, 0))], (1, 3)),
    }
    scipy.io.savemat(path, content, do_compression=compress)
    return path.read_bytes()


def check_told(path: Path, content: bytes) -> bool:
    """Read a damaged file; return whether that was told, as it must be, in one line that names the file."""
    path.write_bytes(content)
    try:
        read_all(path)
    except DataError as problem:
        said = str(problem)
    else:
        return False
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return True


@pytest.mark.parametrize("compress", [False, True])
def test_a_file_cut_off_anywhere_is_told(compress: bool, tmp_path: Path) -> None:
    path = tmp_path / "cut.mat"
    content = small(path, compress)
    whole = [size for size in range(len(content)) if not check_told(path, content[:size])]
    assert len(whole) == 3  # between two variables, and after the header: what is there is whole
    with pytest.raises(DataError, match=r"expected the variables deep, cells, found before; is it the original"):
        check_lacks(path, content[: whole[1]])


def check_lacks(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    mat_file.read(path, ("deep", "cells"))


@given(data=st.data(), compress=st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=FIXED)
def test_changed_bytes_give_numbers_or_one_line(data: st.DataObject, compress: bool, tmp_path: Path) -> None:
    path = tmp_path / "changed.mat"
    content = bytearray(small(path, compress))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[place] = data.draw(st.sampled_from([0, 1, 14, 127, 128, 255]) | st.integers(0, 255))
    check_told(path, bytes(content))


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def array(kind: int, shape: tuple[int, ...], *content: bytes, name: bytes = b"x") -> bytes:
    dimensions = struct.pack(f"<{len(shape)}I", *shape)
    parts = element(6, struct.pack("<II", kind, 0)), element(5, dimensions), element(1, name), *content
    return element(14, b"".join(parts))


HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"


def test_members_that_matlab_left_untouched_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "untouched.mat"
    path.write_bytes(
        HEADER + array(1, (1, 3), element(14, b""), array(4, (0, 0)), array(6, (0, 17), element(9, b"")))
    )
    items = mat_file.cells("", mat_file.read(path, ("x",))["x"], 3)
    assert all(mat_file.is_empty(item) for item in items)
    assert mat_file.table("", items[0], 17).shape == (0, 17)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (array(1, (1, 0x7FFFFFFF)), "less content than 2147483647 members need"),
        (array(2, (1, 1), element(5, b"\4\0\0\0"), element(1, b"ab\0\0")), "less content than 1 members need"),
        (array(6, (0x7FFFFFFF, 0x7FFFFFFF), element(9, b"\0" * 8)), "8 bytes for 2147483647x2147483647 numbers"),
        (
            array(6, (1, 1), struct.pack("<II", 9, 0xFFFFFFF8)),
            "an element of 4294967288 bytes where fewer are left",
        ),
        (array(6, (3,), element(9, b"\0" * 24)), "an array of 1 dimensions"),
        (array(6, (1, 1), element(77, b"\0" * 8)), "numbers of the unknown type 77"),
        (array(4, (1, 1), element(9, b"\0" * 8)), "text of the unknown type 9"),
        (array(2, (1, 1), element(5, b"\0" * 4), element(1, b"ab")), "a struct whose fields' names are broken"),
        (array(1, (1, 1), element(9, b"\0" * 8)), "an element of type 9 where an array belongs"),
        (array(1, (1, 1), struct.pack("<II", 14, 800)), "an array that ends after what it is part of"),
        (element(77, b""), "an element of the unknown type 77"),
        (element(15, b"no zlib data"), "compressed data that are broken"),
        (element(15, zlib.compress(array(1, (1, 9)))[:-9]), "ends within compressed data"),
        (
            element(15, zlib.compress(array(6, (1, 1), element(2, b"1")) + b"more")),
            "compressed data after a variable",
        ),
        (struct.pack("<II", 14, 0xFFFFFF), "has 136 bytes and should have 16777351 at least"),
    ],
)
def test_forged_sizes_cost_no_memory_and_are_told(content: bytes, match: str, tmp_path: Path) -> None:
    path = tmp_path / "forged.mat"
    path.write_bytes(HEADER + content)
    tracemalloc.start()
    with pytest.raises(DataError, match=f"one that is truncated or damaged: .*{match}.*; copy or unpack it again"):
        read_all(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_cells_without_end_are_told(tmp_path: Path) -> None:
    path = tmp_path / "forged.mat"
    deep = array(6, (1, 1), element(2, b"1"))
    for _ in range(40):
        deep = array(1, (1, 1), deep)
    many = element(15, zlib.compress(array(1, (1, 3 << 15), element(14, b"") * (3 << 15))))
    for content, match in ((deep, "cells nested too deep"), (many, "more than 65536 members")):
        path.write_bytes(HEADER + content)
        with pytest.raises(DataError, match=match):
            read_all(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"expected a MAT-file, found an empty file \(0 bytes\)"),
        (b"data\n", r"found a file that begins with b'data\\n'; give the original file"),
        (bytes(200), "found a file that begins with"),
        (
            HEADER[:124] + struct.pack("<H", 0x0200) + b"IM" + bytes(384),
            r"version 7\.3 \(HDF5\).*save it with -v7",
        ),
        (b"\x89HDF\r\n\x1a\n" + bytes(400), r"version 7\.3 \(HDF5\); load it in MATLAB and save it with -v7"),
    ],
)
def test_what_is_no_mat_file_is_told(content: bytes, match: str, tmp_path: Path) -> None:
    path = tmp_path / "Frau Müller 1.mat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"Frau Müller 1\.mat: .*{match}"):
        read_all(path)
    with pytest.raises(DataError, match=r"nowhere\.mat: cannot be read \(No such file"):
        read_all(tmp_path / "nowhere.mat")
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory"):
        read_all(tmp_path)


def test_old_files_of_version_4_are_told(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "old.mat", {"x": np.ones((2, 2))}, format="4")
    with pytest.raises(DataError, match=r"expected a MAT-file of MATLAB 5 to 7, .* save it with -v7"):
        read_all(tmp_path / "old.mat")


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (np.zeros((3, 17)), "found 3x17 numbers"),
        ("text", "found the text 'text'"),
        (Cell((2, 3), (np.zeros((1, 1)),) * 6), "found a 2x3 cell array"),
        ({"EEG": 1}, "found a struct of EEG"),
        (Other("a sparse matrix"), "found a sparse matrix"),
    ],
)
def test_says_what_lies_where_something_else_belongs(value: Value, match: str) -> None:
    with pytest.raises(DataError, match=f"x.mat: expected one row of cells, {match}"):
        mat_file.cells("x.mat", value)
    with pytest.raises(DataError, match=f"x.mat: expected samples x 14 numbers, {match}"):
        mat_file.table("x.mat", value, 14)
    with pytest.raises(DataError, match=f"x.mat: expected 18 numbers, {match}"):
        mat_file.vector("x.mat", value, 18)
    with pytest.raises(DataError, match=r"x.mat: expected (a struct, found|the fields ECG, found EEG)"):
        mat_file.fields("x.mat", value, ("ECG",))


def test_signals_become_float32_and_what_overflows_infinite() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = np.asfortranarray([[1.5, np.nan], [1e300, 3]])
        values.view(np.uint64)[0, 1] = 0x7FF0000000000001  # a NaN that says so when it is converted
        table = mat_file.table("", values, 2)
    assert table.dtype == np.float32
    assert table.flags.c_contiguous
    np.testing.assert_array_equal(table, [[1.5, np.nan], [np.inf, 3]])
