"""Every mistake on a command line is one line, exit code 2, and no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ("train", "export", "replay", "serve", "predict", "listen")


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = str(Path(sys.executable).parent / f"memhacl-{name}")
    return subprocess.run([command, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_the_command(name: str) -> None:
    shown = run(name, "--help")
    assert shown.returncode == 0
    assert f"memhacl-{name}" in shown.stdout


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("serve", ["--lsl", "--patiense", "3"], "unknown option '--patiense'; did you mean '--patience'?"),
        ("serve", ["--anchor", "foo"], "'first'"),
        ("serve", [], "give --lsl"),
        ("predict", ["nowhere"], "--out"),
        ("predict", ["nowhere", "--out", "x.csv", "extra"], "unexpected argument 'extra'"),
        ("replay", ["nowhere"], "there is no such file or folder"),
        ("replay", ["simulated", "--speed", "2"], "at most 1"),
        ("listen", ["--count", "x"], "--count"),
        ("export", ["nowhere", "--out", "m.onnx"], "found nothing"),
        ("train", ["runn"], "did you mean 'run'?"),
        (
            "train",
            ["run", "demo", "--data", "simulated", "--out", "r", "--optim.lrr", "1"],
            "unknown key 'optim.lrr'",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(name: str, arguments: list[str], says: str, tmp_path: Path) -> None:
    done = run(name, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith(f"memhacl-{name}: ")
