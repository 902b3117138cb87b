import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from memhacl.export.cli import main
from memhacl.runtime.session import Model


def test_missing_run_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "m.onnx")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"memhacl-export: {tmp_path / 'nowhere'}: expected the folder of a trained run")
    assert said.count("\n") == 1
    assert not (tmp_path / "m.onnx").exists()


def test_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    run.mkdir()
    assert main([str(run), "--out", str(tmp_path / "m.onnx")]) == 2
    said = capsys.readouterr().err
    assert str(run) in said
    assert said.count("\n") == 1


def test_existing_folder_as_out_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path)]) == 2
    assert f"{tmp_path}: expected a file to write, found a folder" in capsys.readouterr().err


def test_help_loads_no_torch() -> None:
    code = (
        "import sys\nfrom memhacl.export.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    sys.exit('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "MODEL.onnx" in shown.stdout


@pytest.mark.slow
def test_trained_run_becomes_a_model_file_without_chatter(tmp_path: Path) -> None:
    people, run, out = tmp_path / "people.yaml", tmp_path / "run", tmp_path / "new" / "m.onnx"
    people.write_text("subjects: 6\nstimuli: 6\nrest: 3\nseconds: 4\nseed: 1\n", encoding="utf-8")
    settings = ("--method.name", "supervised", "--method.settings.width", "0.0625", "--finetune.epochs", "1")
    settings += ("--method.settings.modality_dropout", "0.1")
    train = ("run", "demo", "--data", str(people), "--out", str(run), "--device", "cpu", *settings)
    _command("memhacl.train.cli", *train)
    said = _command("memhacl.export.cli", str(run), "--out", str(out)).stderr
    model = Model.load(out)
    assert model.card.name == "demo"
    assert model.card.training.simulated
    assert model.card.training.method == "supervised"
    assert model.card.absent_ok == ("EEG", "GSR", "Resp", "Temp")
    assert {
        task: values.shape for task, values in model.predict(np.zeros((2, *model.card.shape), np.float32)).items()
    } == {
        "valence": (2, 2),
        "arousal": (2, 2),
        "quadrant": (2, 4),
    }
    assert [line for line in said.splitlines() if " memhacl-export " not in line] == []  # all lines are our own
    assert "trained on simulated people" in said
    assert "nodes" not in said


def _command(module: str, *args: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys\nfrom {module} import main\nsys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=150, check=True
    )
