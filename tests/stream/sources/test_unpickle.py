"""The restricted unpickler admits arrays of numbers and runs nothing, whatever a pickle says."""

import pickle
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memhacl.stream.errors import DataError
from memhacl.stream.sources.formats.unpickle import read_pickle
from memhacl.stream.sources.simulated.deap_files import write_pickle

STATE = b"(K\x01K\x01\x85"  # MARK 1, shape (1,): the head of an array's state
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
FLOAT = b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
OBJECT = FLOAT.replace(b"f8", b"O8").replace(b"<", b"|").replace(b"K\x00tb", b"K?tb")


class Calls:
    """Pickles to a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def evil(mark: Path) -> dict[str, bytes]:
    """Pickles that create the file ``mark`` when an ordinary unpickler reads them."""
    import builtins
    import os

    touch = f"open({str(mark)!r}, 'w').close()"
    run = f"c__builtin__\neval\n(U{chr(len(touch))}{touch}tR".encode("latin1")
    boxed = np.empty(1, dtype=object)
    boxed[0] = Calls(os.system, f"touch {mark}")
    return {
        "system": pickle.dumps({"data": Calls(os.system, f"touch {mark}")}, 2),
        "eval": pickle.dumps({"data": Calls(builtins.eval, touch)}, 2),
        "eval, protocol 5": pickle.dumps([1, Calls(builtins.eval, touch)], 5),
        "nested": pickle.dumps({"data": [Calls(getattr, Calls(__import__, "os"), "system")]}, 2),
        "object array": pickle.dumps({"data": boxed}, 2),
        "in an array's state": b"\x80\x02" + ARRAY + STATE + FLOAT + b"\x89" + run + b"tb.",
        "in a dtype": b"\x80\x02cnumpy\ndtype\n" + run + b"K\x00K\x01\x87R.",
        "instance": f"(U{chr(len(touch))}{touch}i__builtin__\neval\n.".encode("latin1"),
    }


@pytest.mark.parametrize("name", list(evil(Path("/nowhere"))))
def test_runs_nothing_of_a_malicious_pickle(name: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "s01.dat"
    path.write_bytes(evil(mark)[name])
    with pytest.raises(DataError, match=r"s01\.dat"):
        read_pickle(path)
    assert not mark.exists()


def test_the_malicious_pickles_are_real(tmp_path: Path) -> None:
    for number, name in enumerate(("system", "eval, protocol 5", "object array")):
        mark = tmp_path / str(number)
        pickle.loads(evil(mark)[name])
        assert mark.exists()


def test_names_the_file_and_the_refused_global(tmp_path: Path) -> None:
    path = tmp_path / "s07.dat"
    path.write_bytes(b"\x80\x02cposix\nsystem\nU\x04trueR.")
    with pytest.raises(DataError, match=r"s07\.dat: refused: the pickle asks for posix\.system.*nothing was run"):
        read_pickle(path)


def test_a_damaged_name_is_told_in_one_short_line(tmp_path: Path) -> None:
    path = tmp_path / "s07.dat"
    path.write_bytes(b"\x80\x02c" + b"\ra\x00" * 5000 + b"\nb\n.")
    with pytest.raises(DataError, match=r"asks for \?a\?\?a\?") as caught:
        read_pickle(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "code",
    ["numpy.load", "numpy.fromfile", "numpy.testing.rundocs", "numpy.f2py.compile", "numpy.core.multiarray.scalar",
     "numpy.lib.npyio.load", "numpy.vectorize", "numpy.memmap", "copyreg._reconstructor", "codecs.decode"],
)  # fmt: skip
def test_refuses_every_other_function(code: str, tmp_path: Path) -> None:
    module, _, name = code.rpartition(".")
    path = tmp_path / "s01.dat"
    path.write_bytes(f"\x80\x02c{module}\n{name}\n(tR.".encode("latin1"))
    with pytest.raises(DataError, match=f"asks for {code}".replace(".", r"\.")):
        read_pickle(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (ARRAY + STATE + OBJECT + b"\x89]K\x07atb.", "type 'O8'"),
        (ARRAY + STATE + FLOAT + b"\x89]K\x07atb.", "not plain numbers"),
        (ARRAY + STATE + FLOAT.replace(b"K\x00tb", b"K?tb") + b"\x89U\x0812345678tb.", "fields or flags"),
        (ARRAY + b"(K\x01K\x02\x85" + FLOAT + b"\x89U\x0812345678tb.", "shape \\(2,\\)"),
        (ARRAY + b"(K\x01\x8a\x09" + bytes(7) + b"\x20\x00\x85" + FLOAT + b"\x89U\x0812345678tb.", "has 8 bytes"),
        (ARRAY + b"(K\x01J\xff\xff\xff\xff\x85" + FLOAT + b"\x89U\x00tb.", "shape \\(-1,\\)"),
        (b"cnumpy\nndarray\n(K\x08tR.", "other means"),
        (b"c_codecs\nencode\nU\x01aU\x06rot_13\x86R.", "rot_13"),
        (b"cnumpy\ndtype\n}U\x07_answerNsb.", "only call"),
        (b"cnumpy\ndtype\nN}U\x07_answerNs\x86b.", "only call"),
        (b"cnumpy\ndtype\n)\x81.", "damaged"),
    ],
    ids=["object type", "list as content", "forged flags", "too large", "overflowing", "negative", "array called",
         "codec", "attributes", "slots", "subclass"],
)  # fmt: skip
def test_refuses_forged_arrays_and_tampering(content: bytes, match: str, tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    path.write_bytes(b"\x80\x02" + content)
    with pytest.raises(DataError, match=match):
        read_pickle(path)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i4", "u1", "?"])
def test_reads_what_numpy_writes(protocol: int, dtype: str, tmp_path: Path) -> None:
    array = (np.arange(24).reshape(2, 3, 4) % 7).astype(dtype)
    path = tmp_path / "a.dat"
    path.write_bytes(pickle.dumps({"data": array, "turned": array.T, "none": array[:0]}, protocol))
    content: Any = read_pickle(path)
    np.testing.assert_array_equal(content["data"], array, strict=False)
    np.testing.assert_array_equal(content["turned"], array.T)
    assert content["none"].shape == (0, 3, 4)
    assert content["data"].dtype == array.dtype.newbyteorder("=")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # numpy's own, about the Python-2 name of its module
def test_writes_pickles_that_everyone_reads(tmp_path: Path) -> None:
    arrays = {"labels": np.arange(8.0).reshape(2, 4), "data": np.random.default_rng(1).normal(size=(2, 3, 5))}
    path = tmp_path / "s01.dat"
    with path.open("wb") as file:
        write_pickle(arrays, file)
    for content in (read_pickle(path), pickle.loads(path.read_bytes(), encoding="latin1")):
        assert isinstance(content, dict)
        assert list(content) == ["labels", "data"]
        for key, array in arrays.items():
            np.testing.assert_array_equal(np.asarray(content[key]), array, strict=True)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_reads_nested_dictionaries_of_python_2(protocol: int, write_py2: Any, tmp_path: Path) -> None:
    """Keys and texts come back as text, arrays as they are, whatever holds them."""
    array = np.arange(600.0).reshape(200, 3)
    path = tmp_path / "S2.pkl"
    write_py2(
        path, {"signal": {"chest": {"ECG": array}}, "few": array[:1].astype("<i4"), "subject": "S2"}, protocol
    )
    content: Any = read_pickle(path)
    assert list(content) == ["signal", "few", "subject"]
    assert content["subject"] == "S2"
    np.testing.assert_array_equal(content["signal"]["chest"]["ECG"], array)
    np.testing.assert_array_equal(content["few"], [[0, 1, 2]])


def test_byte_strings_within_any_container_are_text(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(
        b"\x80\x02}(U\x01a(U\x01\xe9K\x07G?\xf0\x00\x00\x00\x00\x00\x00NtX\x01\x00\x00\x00b]U\x01caK\x03\x88u."
    )
    assert read_pickle(path) == {"a": ("é", 7, 1.0, None), "b": ["c"], 3: True}


def test_an_array_is_built_on_the_bytes_that_were_read(tmp_path: Path) -> None:
    """A second copy of a person's samples would be a gigabyte. Nor can it be written to: bytes never change."""
    path = tmp_path / "s01.dat"
    with path.open("wb") as file:
        write_pickle({"data": np.ones((100, 100))}, file)
    content: Any = read_pickle(path)
    assert isinstance(content["data"].base, bytes)
    with pytest.raises(ValueError, match="read-only"):
        content["data"][0, 0] = 2


LAUGHS = b"]q\x00" + b"".join(b"](" + b"h%c" % n * 9 + b"eq%c" % (n + 1) for n in range(60))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"T\xff\xff\xff\x7f.", "asks for 2147483647 bytes"),
        (b"X\xff\xff\xff\xff.", "asks for 4294967295 bytes"),
        (b"\x8e\xff\xff\xff\xff\xff\x00\x00\x00.", "asks for 1099511627775 bytes"),
        (b"\x95\xff\xff\xff\xff\xff\x00\x00\x00.", "asks for 1099511627775 bytes"),
        (b"\x96\x00\x00\x00\x00\x04\x00\x00\x00.", "damaged"),
        (b"S'\\\x02'\n.", r"invalid escape sequence '\\\?'"),
        (b"S'a\n.", "a text has no end"),
        (b"]q\x00h\x00a.", "recursion"),
        (b"}(U\x01aK\x01X\x01\x00\x00\x00aK\x02u.", "the same text"),
        (b"})" + b"\x85" * 1_000_000 + b"K\x01s.", "a tuple is no key"),
        (b"()" + b"\x85" * 1_000_000 + b"K\x01d.", "a tuple is no key"),
        (b"\x8f()" + b"\x85" * 1_000_000 + b"\x90.", "damaged"),
        (b"cnumpy\ndtype\n)" + b"\x85" * 1_000_000 + b"R.", "damaged"),
        (b"]" * 1_000_000 + b"a" * 999_999 + b".", "recursion"),
    ],
    ids=["bytes", "text", "long bytes", "frame", "bytearray", "escape", "open end", "list in itself", "two keys",
         "deep key", "deep key of a dict", "deep member of a set", "deep type", "deep lists"],
)  # fmt: skip
def test_refuses_what_would_take_all_memory_or_crash(content: bytes, match: str, tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    path.write_bytes(b"\x80\x05" + content)
    with pytest.raises(DataError, match=match):
        read_pickle(path)


def test_forged_numbers_and_repetition_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    path.write_bytes(b"\x80\x02K\x07r\xff\xff\xff\xff.")  # the last of 4 billion places in the memo
    assert read_pickle(path) == 7
    path.write_bytes(b"\x80\x02" + LAUGHS + b".")  # 9**60 lists, if each were looked at
    assert isinstance(read_pickle(path), list)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 600), change=st.integers(0, 600), byte=st.integers(0, 255))
def test_damage_never_escapes_as_another_error(cut: int, change: int, byte: int, tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    with path.open("wb") as file:
        write_pickle({"labels": np.ones((2, 4)), "data": np.ones((2, 3))}, file)
    whole = bytearray(path.read_bytes())
    whole[change % len(whole)] = byte
    path.write_bytes(bytes(whole[: max(0, len(whole) - cut)]))
    with suppress(DataError):
        read_pickle(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am no pickle\n", struct.pack("<4d", 1, 2, 3, 4), b"\x80\x02}"]
)
def test_says_that_a_file_is_no_pickle(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "s01.dat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"expected a pickle of numpy arrays.*{len(content)} bytes"):
        read_pickle(path)
