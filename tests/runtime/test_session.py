import hashlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest

from memhacl.export.card import METADATA_KEY
from memhacl.runtime.backend import check_packages
from memhacl.runtime.session import Model, default_model_path
from memhacl.stream.errors import ModelError


def _rewrite(path: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    proto = onnx.load(path)
    change(proto)
    onnx.save(proto, path)
    return path


def test_model_gives_probabilities_and_knows_itself(model_file: Path) -> None:
    model = Model.load(model_file)
    windows = np.random.default_rng(0).standard_normal((7, *model.card.shape)).astype(np.float32)
    logit = (windows[:, 0] ** 2).mean(axis=1) - (windows[:, -1] ** 2).mean(axis=1)
    found = model.predict(windows)
    assert list(found) == list(model.card.tasks)
    for probabilities in found.values():
        np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-logit)), atol=1e-6)
    assert model.providers[-1] == "CPUExecutionProvider"
    assert model.sha256 == hashlib.sha256(model_file.read_bytes()).hexdigest()


def test_windows_that_do_not_fit_or_are_not_contiguous(model_file: Path) -> None:
    model = Model.load(model_file)
    windows = np.random.default_rng(0).standard_normal((4, *model.card.shape))
    turned = np.asfortranarray(windows)  # float64 and not contiguous: converted, not misread
    for task, probabilities in model.predict(windows.astype(np.float32)).items():
        np.testing.assert_array_equal(model.predict(turned)[task], probabilities)
    with pytest.raises(ModelError, match=r"expected windows \(batch, 3, 128\), found \(4, 2, 128\)"):
        model.predict(windows[:, :2].astype(np.float32))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "expected an ONNX model"),
        (b"name,age\n" * 100, "expected an ONNX model"),
        (None, "found no such file"),
    ],
)
def test_file_that_is_no_onnx_model_is_refused(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError) as problem:
        Model.load(path)
    assert str(problem.value).startswith(f"{path}: ")
    assert complaint in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_truncated_file_is_refused(model_file: Path, share: float) -> None:
    content = model_file.read_bytes()
    model_file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"damaged|without the metadata"):
        Model.load(model_file)


def test_folder_and_missing_default_say_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="found a folder; memhacl-export writes one"):
        Model.load(tmp_path)


def test_shipped_model_loads_or_is_said_to_be_missing() -> None:
    shipped = Path(sys.modules["memhacl.runtime.session"].__file__ or "").parent / "models" / "default.onnx"
    if shipped.exists():
        assert Model.load(default_model_path()).card.training.simulated
    else:
        with pytest.raises(ModelError, match="install memhacl again or give --model"):
            default_model_path()


def test_onnx_model_of_somebody_else_is_refused(model_file: Path) -> None:
    _rewrite(model_file, lambda proto: proto.ClearField("metadata_props"))
    with pytest.raises(
        ModelError, match=f"without the metadata '{METADATA_KEY}'; give a file that memhacl-export"
    ):
        Model.load(model_file)


def test_card_that_does_not_fit_its_graph_is_refused(model_file: Path) -> None:
    def fewer_channels(proto: onnx.ModelProto) -> None:
        card = json.loads(proto.metadata_props[0].value)
        card["spec"]["modalities"][0]["channels"] = ["Cz"]
        proto.metadata_props[0].value = json.dumps(card)

    _rewrite(model_file, fewer_channels)
    with pytest.raises(ModelError, match=r"the graph does not fit its card: .*'signals': \(2, 128\).*found"):
        Model.load(model_file)


def test_task_that_the_graph_lacks_is_refused(model_file: Path) -> None:
    _rewrite(model_file, lambda proto: proto.graph.output.pop())
    with pytest.raises(ModelError, match="the graph does not fit its card"):
        Model.load(model_file)


def test_fixed_batch_is_refused(model_file: Path) -> None:
    def fix(proto: onnx.ModelProto) -> None:
        for tensor in (*proto.graph.input, *proto.graph.output):
            tensor.type.tensor_type.shape.dim[0].dim_value = 1

    _rewrite(model_file, fix)
    with pytest.raises(ModelError, match="the graph does not fit its card"):
        Model.load(model_file)


def test_waiting_model_burns_no_processor_time(model_file: Path) -> None:
    model = Model.load(model_file)
    window = np.zeros((1, *model.card.shape), np.float32)
    process = psutil.Process()
    before = sum(process.cpu_times()[:2])
    for _ in range(10):
        model.predict(window)
        time.sleep(0.05)
    assert sum(process.cpu_times()[:2]) - before < 0.15  # spinning threads take all of the 0.5 s


def test_loading_says_where_the_model_runs(model_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "memhacl.runtime.session"):
        model = Model.load(model_file)
    assert f"model {model.card.name}" in caplog.text
    assert model.providers[0] in caplog.text


def test_both_or_no_onnx_runtime_package_names_the_command_that_mends_it() -> None:
    check_packages({"onnxruntime"})
    check_packages({"onnxruntime-gpu"})
    with pytest.raises(ModelError, match="pip uninstall -y onnxruntime onnxruntime-gpu"):
        check_packages({"onnxruntime", "onnxruntime-gpu"})
    with pytest.raises(ModelError, match=r"pip install 'memhacl\[cpu\]'"):
        check_packages(set())


def _load_in_child(model_file: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys\nfrom pathlib import Path\nfrom memhacl.runtime.session import Model\n"
        "from memhacl.stream.errors import ModelError\n"
        "try:\n    Model.load(Path(sys.argv[1]))\nexcept ModelError as problem:\n    print(problem)\n"
        "print(sorted({'torch', 'onnx', 'scipy'} & set(sys.modules)))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(model_file)],
        capture_output=True, text=True, timeout=60, check=True, env=os.environ | environment,
    )  # fmt: skip


def test_loading_a_model_imports_neither_torch_nor_onnx(model_file: Path) -> None:
    assert _load_in_child(model_file).stdout == "[]\n"


def test_second_package_beside_the_first_is_found(model_file: Path, tmp_path: Path) -> None:
    info = tmp_path / "more" / "onnxruntime_gpu-1.20.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 1.20\n")
    assert (
        "are both installed, which loses the GPU" in _load_in_child(model_file, PYTHONPATH=str(info.parent)).stdout
    )


def test_what_an_uninstalled_package_leaves_behind_is_no_onnx_runtime(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "more" / "onnxruntime").mkdir(parents=True)
    (tmp_path / "more" / "onnxruntime" / "__init__.py").touch()
    said = _load_in_child(model_file, PYTHONPATH=str(tmp_path / "more")).stdout
    assert "incomplete: pip install --force-reinstall onnxruntime" in said
