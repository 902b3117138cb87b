"""The run folder: what each stage left there, under which key; nothing half-made lies under a final name.

A run can borrow what a stage left in another folder: a relative link then leads there.
"""

import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.strict import Strict
from memhacl.train.config import Config
from memhacl.train.settings import load_config, save_config

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

OUTPUTS = {
    "prepare": ("corpus",),
    "split": ("split.json", "scale.npz"),
    "pretrain": ("pretrain",),
    "select": ("select",),
    "finetune": ("finetune",),
    "evaluate": ("evaluate",),
}
# Stages that go on where they were interrupted, and the files that they need for it.
_RESUMED = {
    "prepare": "parts/*.json",
    "pretrain": "checkpoint.pt",
    "select": "select/*.json",
    "finetune": "checkpoint.pt",
}
# What else a stage may leave in the run folder.
_BESIDE = ("tensorboard", "pretrain.diverged.json", "select.diverged.json", "finetune.diverged.json")
FOLDS = "folds.json"  # in the folder of a cross-validation, which is no run
FINAL = "final"  # the run in it that is trained on everybody
_OF_FOLDS = (FOLDS, "folds", "permutations", FINAL, "cluster")
_KEY = "key"  # the file in a stage's partial folder that says for which key it is
_PACKAGES = ("memhacl", "torch", "numpy", "scipy", "scikit-learn")


class Done(Strict):
    """A finished stage: its key, when it ended (ISO) and the versions that made it."""

    key: str
    finished: str
    versions: dict[str, str]


class RunFolder:
    """One run's folder, made when its first stage begins; the keys of finished stages are in stages.json.

    Raises
    ------
    DataError
        The path is a file, or a folder that holds something else than a run.
    """

    def __init__(self, path: Path):
        self.path = path
        if path.exists() and not path.is_dir():
            raise DataError(f"{path}: expected a folder for the run, found a file; give --out another name")
        if path.is_dir() and not self._marker.is_file() and not self._only_ours():
            raise DataError(
                f"{path}: expected a new, empty or run folder, found other files; give --out another name"
            )

    @property
    def _marker(self) -> Path:
        return self.path / "stages.json"

    def _only_ours(self) -> bool:
        """Whether only remains of an interrupted first stage lie here, or a run whose stages.json was removed.

        A folder named 'corpus' alone proves nothing, and would be replaced: a run's own config must lie beside it.
        """
        names = {entry.name for entry in self.path.iterdir() if not _passing(entry)}
        if not names:
            return True
        ours = {"config.yaml", *_BESIDE, *_OF_FOLDS, *(name for stage in OUTPUTS.values() for name in stage)}
        return "config.yaml" in names and names <= ours and self._has_config()

    def _has_config(self) -> bool:
        try:
            load_config(str(self.path))
        except ConfigError:
            return False
        return True

    def done(self) -> dict[str, Done]:
        """Return the finished stages by name."""
        if not self._marker.is_file():
            return {}
        try:
            stored = json.loads(self._marker.read_text(encoding="utf-8"))
            return {
                stage: Done.parse(entry, f"{self._marker}: {stage}", DataError) for stage, entry in stored.items()
            }
        except (ValueError, AttributeError) as problem:
            raise DataError(
                f"{self._marker}: is damaged ({problem}); remove it, and every stage is done again"
            ) from None

    def has(self, stage: str, key: str) -> bool:
        """Whether ``stage`` ended under ``key`` and what it left, or has borrowed, is still there."""
        entry = self.done().get(stage)
        left = all((self.path / name).exists() for name in OUTPUTS[stage])
        if entry is None or entry.key != key or not left:
            return False
        owner = (self.path / OUTPUTS[stage][0]).resolve().parent
        lent = owner != self.path.resolve() and (owner / "stages.json").is_file()
        return not lent or RunFolder(owner).has(stage, key)

    def forget(self, stage: str) -> None:
        """Let what ``stage`` and those after it left here no longer count."""
        if self._marker.is_file():
            self._forget_from(stage)

    @contextmanager
    def making(self, stage: str, key: str, config: Config, anew: bool = False) -> Iterator[Path]:
        """Give an empty folder to write ``stage``'s output to; on success it takes its final name, else it goes.

        The stage's old key is forgotten first, so that an interruption between two renames is never taken for
        a finished stage; so are those of the stages after it, which were made from what goes. A stage that can be
        resumed finds what it had written under the same key, however it ended, unless it is made ``anew``.

        Raises
        ------
        DataError
            Another process works in the folder, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with alone(self.path):
                yield from self._made(stage, key, config, anew)
        except BrokenPipeError:  # of who reads what is printed
            raise
        except OSError as problem:
            raise DataError(
                f"{self.path}: cannot be written ({problem.strerror or problem}); free space or give another --out"
            ) from None

    def _made(self, stage: str, key: str, config: Config, anew: bool) -> Iterator[Path]:
        partial = self.path / f"{stage}.partial"
        if partial.exists() and (anew or not _resumable(stage, partial, key)):
            shutil.rmtree(partial)
        for name in OUTPUTS[stage]:
            (partial / name if _is_folder(name) else partial).mkdir(parents=True, exist_ok=True)
        (partial / _KEY).write_text(key, encoding="utf-8")
        done = False
        try:
            yield partial
            self._forget_from(stage)
            for name in OUTPUTS[stage]:
                self._replace(partial / name, self.path / name)
            self.keep(config)
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            self._write(self.done() | {stage: Done(key=key, finished=now, versions=_versions())})
            done = True
        finally:
            if done or not _worth_keeping(stage, partial):
                shutil.rmtree(partial, ignore_errors=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()

    def borrow(self, stage: str, key: str, owner: "RunFolder", config: Config) -> None:
        """Use what ``stage`` left under ``key`` in the folder ``owner``, by links that both can be moved with.

        Raises
        ------
        DataError
            ``owner`` does not have it, another process works here, or the file system has no links.
        """
        if not owner.has(stage, key):
            raise DataError(
                f"{owner.path}: '{stage}' has not run there as it is needed in {self.path}; run it first"
            )
        if self.has(stage, key):
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with alone(self.path):
                self._forget_from(stage)
                for name in OUTPUTS[stage]:
                    partial = self.path / f"{name}.link.partial"
                    partial.unlink(missing_ok=True)
                    partial.symlink_to(os.path.relpath(owner.path / name, self.path))
                    self._replace(partial, self.path / name)
                self.keep(config)
                self._write(self.done() | {stage: owner.done()[stage]})
        except OSError as problem:
            raise DataError(
                f"{self.path}: cannot link to {owner.path} ({problem.strerror or problem}); give another --out, "
                "on a disk that has symbolic links and room"
            ) from None

    def keep(self, config: Config) -> None:
        """Write the merged config."""
        temporary = self.path / "config.yaml.partial"
        save_config(config, temporary)
        os.replace(temporary, self.path / "config.yaml")

    def _forget_from(self, stage: str) -> None:
        order = list(OUTPUTS)
        earlier = order[: order.index(stage)]
        self._write({name: entry for name, entry in self.done().items() if name in earlier})

    def _replace(self, made: Path, final: Path) -> None:
        if final.is_symlink():  # what was borrowed is another's
            final.unlink()
        elif final.is_dir():
            shutil.rmtree(final)
        os.replace(made, final)

    def _write(self, stages: dict[str, Done]) -> None:
        temporary = self.path / "stages.json.partial"
        entries = {stage: entry.model_dump() for stage, entry in stages.items()}
        temporary.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, self._marker)


def refuse_outdated(folder: Path) -> None:
    """Refuse to read numbers in a run's ``folder`` that are those of what was there before something was redone.

    Raises
    ------
    DataError
        They are.
    """
    if (folder / "stages.json").is_file() and "evaluate" not in RunFolder(folder).done():
        raise DataError(
            f"{folder}: has not been evaluated since something in it was made anew; run 'memhacl-train evaluate' "
            "or 'memhacl-train crossvalidate' first"
        )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes of ours out of ``folder``; the lock goes with the process, however it ends.

    Raises
    ------
    DataError
        Another one is in.
    """
    if fcntl is None:  # Windows has no such locks
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise DataError(
            f"{folder}: another memhacl-train works in this folder; wait for it, or give --out another"
        ) from None
    finally:
        os.close(handle)


def _passing(entry: Path) -> bool:
    """Whether ``entry`` may lie in a folder of ours before anything was finished there."""
    locked = entry.name == "folds" and entry.is_dir() and not any(entry.iterdir())  # by a cross-validation
    return locked or entry.name.endswith(".partial")


def _resumable(stage: str, partial: Path, key: str) -> bool:
    try:
        return stage in _RESUMED and (partial / _KEY).read_text(encoding="utf-8") == key
    except (OSError, UnicodeDecodeError):
        return False


def _worth_keeping(stage: str, partial: Path) -> bool:
    return stage in _RESUMED and any(partial.glob(_RESUMED[stage]))


def _is_folder(output: str) -> bool:
    return "." not in output


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {package: version(package) for package in _PACKAGES}
