"""Ctrl-C while a command is still being loaded."""

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["serve_cli", "predict_cli"])
def test_ctrl_c_while_libraries_are_loaded_is_no_traceback(module: str) -> None:
    code = f"import sys; from memhacl.runtime.{module} import main; sys.exit(main(['simulated', '--out', 'none']))"
    command = [sys.executable, "-X", "importtime", "-c", code]  # which tells each module as it has been loaded
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.endswith(" scipy\n"):  # long before the last
                process.send_signal(signal.SIGINT)
                break
        said = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.endswith("interrupted\n")
