"""The repository keeps its promises: packages, direction of imports, what the runtime may load."""

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("stream", "train", "export", "runtime", "configs")
# What a module may import of the other folders; a longer name wins over a shorter.
ALLOWED = {
    "stream": (),
    "train": ("stream", "export.card"),
    "export": ("stream", "train"),
    "export.card": ("stream",),
    "runtime": ("stream", "export.card"),
    "configs": (),
}
OWNERS = {
    "pylsl": ("stream.lsl",),
    "mne": ("stream.sources",),
    "pyxdf": ("stream.sources",),
    "torch": ("train", "export"),
}


def modules() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_go_one_way(path: Path) -> None:
    own = dotted(path)
    rule = max((prefix for prefix in ALLOWED if within(own, prefix)), key=len)
    for name in imports(path):
        if name.startswith("memhacl."):
            name = name.removeprefix("memhacl.")
            allowed = (own.split(".")[0], *ALLOWED[rule])
            if rule == "export.card":
                allowed = ALLOWED[rule]
            assert any(within(name, prefix) for prefix in allowed), f"{own} imports {name}"
        owners = OWNERS.get(name.split(".")[0])
        assert owners is None or any(within(own, owner) for owner in owners), f"{own} imports {name}"


def test_packages_listed_are_the_folders_that_are() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {f"memhacl.{dotted(path)}" for path in modules() if path.name == "__init__.py"}
    assert set(listed) == found
    assert all((path.parent / "__init__.py").exists() for path in modules())


@pytest.mark.parametrize("module", ["memhacl.runtime.engine", "memhacl.runtime.server", "memhacl.runtime.serve"])
def test_the_runtime_loads_no_torch(module: str) -> None:
    code = (
        f"import sys, {module}; sys.exit(bool({{'torch', 'onnx', 'sklearn', 'mne', 'pyxdf'}} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_source_file_is_too_long() -> None:
    long = {dotted(p): n for p in modules() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 300}
    assert not long


@pytest.mark.slow
def test_the_wheel_works_outside_the_checkout(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a copy: an in-place build would leave, and could reuse, a build folder
    for name in (*FOLDERS, "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        source.mkdir(exist_ok=True)
        copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    assert {"memhacl/configs/deap.yaml", "memhacl/runtime/models/default.onnx"} <= names
    assert {name.split("/")[0] for name in names} == {"memhacl", wheel.name.split("-py3")[0] + ".dist-info"}
    code = (
        "import sys; sys.path.insert(0, 'site'); import memhacl.stream.spec as spec; "
        "from memhacl.runtime.session import Model, default_model_path as default; "
        "assert 'site' in spec.__file__; print(Model.load(default()).card.training.simulated)"
    )
    # -S and a path of our own: the editable install must not stand in for what the wheel lacks
    packages = [path for path in sys.path if path.endswith("site-packages")]
    code = f"import sys; sys.path += {packages!r}; " + code
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "True", done.stderr
