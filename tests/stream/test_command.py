"""What every command shares: its log and its mistakes."""

import subprocess
import sys
from pathlib import Path

import pytest

from memhacl.stream.command import run_command
from memhacl.stream.errors import DataError

_CODE = """
import io, sys
from memhacl.stream.command import run_command, warn
drawn, real = io.StringIO(), sys.stderr
def work():
    warn(["before the bar"])
    sys.stderr = drawn  # as a progress bar does while it is drawn
    warn(["beside the bar"])
    sys.stderr = real
run_command("memhacl-test", work)
print(drawn.getvalue())
"""


def test_what_is_logged_goes_to_what_stands_for_standard_error_at_that_moment() -> None:
    ended = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    assert "memhacl-test WARNING before the bar" in ended.stderr
    assert "memhacl-test WARNING beside the bar" in ended.stdout
    assert "beside" not in ended.stderr


def test_a_users_mistake_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise DataError("x.dat: is empty")

    assert run_command("memhacl-test", work) == 2
    assert capsys.readouterr().err == "memhacl-test: x.dat: is empty\n"


def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        (tmp_path / "none" / "file").read_bytes()
        return 0

    assert run_command("memhacl-test", work) == 2
    assert capsys.readouterr().err == f"memhacl-test: {tmp_path / 'none' / 'file'}: No such file or directory\n"


def test_a_system_error_that_names_no_file_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise OSError(24, "Too many open files")

    with pytest.raises(OSError, match="Too many open files"):
        run_command("memhacl-test", work)
