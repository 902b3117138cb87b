"""Compressed XDF files that a disk or a transfer has damaged."""

import gzip
from pathlib import Path

import pytest

from memhacl.stream.errors import DataError
from memhacl.stream.sources.formats.xdf_file import load


@pytest.mark.parametrize("damage", ["header", "data", "end", "cut"])
def test_a_damaged_compressed_file_is_one_line(tmp_path: Path, damage: str) -> None:
    whole = gzip.compress(b"XDF:" + bytes(range(256)) * 40)
    damaged = {
        "header": b"XDF:" + whole,
        "data": whole[:10] + b"\xff" * 20 + whole[30:],  # behind the header: no block begins so
        "end": whole[:-8] + b"\0" * 8,
        "cut": whole[: len(whole) // 2],
    }
    path = tmp_path / "session.xdfz"
    path.write_bytes(damaged[damage])
    with pytest.raises(DataError, match=r"session.xdfz: cannot be read \(.*\); copy it again from the recorder"):
        load(path)
