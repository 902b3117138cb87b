"""What every command shares: its log and its mistakes."""

import io
import logging
import sys

import pytest

from memhacl.stream.command import run_command, warn
from memhacl.stream.errors import DataError


@pytest.fixture
def no_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process: pytest's own handlers would keep the command's away."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])


@pytest.mark.usefixtures("no_handlers")
def test_what_is_logged_goes_to_what_stands_for_standard_error_at_that_moment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = io.StringIO()

    def work() -> None:
        warn(["before the bar"])
        with monkeypatch.context() as bar:
            bar.setattr(sys, "stderr", drawn)  # as a progress bar does while it is drawn
            warn(["beside the bar"])

    assert run_command("memhacl-test", work) == 0
    assert "beside the bar" in drawn.getvalue()
    assert "before the bar" not in drawn.getvalue()
    assert "memhacl-test WARNING before the bar" in capsys.readouterr().err


def test_a_users_mistake_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise DataError("x.dat: is empty")

    assert run_command("memhacl-test", work) == 2
    assert capsys.readouterr().err == "memhacl-test: x.dat: is empty\n"
