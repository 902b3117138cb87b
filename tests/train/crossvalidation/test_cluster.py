import shutil
import sys
from pathlib import Path

import pytest
from plugins.crossvalidating import folded, go, learnt

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.crossvalidation.cluster import Cluster, Resumed, submit
from memhacl.train.crossvalidation.trainings import Job

HERE = Cluster("local", partition="", hours=1.0, memory=0.0, gpus=0, threads=1)


@pytest.mark.slow
def test_a_job_on_a_cluster_gives_the_bytes_of_this_process(plain: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plain, tmp_path / "folds", symlinks=True))
    shutil.rmtree(folder / "folds" / "fold-01")
    failed, said = go(folded(), folder, cluster=HERE)
    assert failed == 0
    assert "1 of 2 trainings to do, 1 submitted at once, 1 thread each" in said
    assert len(list((folder / "cluster").glob("*_result.pkl"))) == 1
    assert learnt(folder) == learnt(plain)
    again = folder / "folds" / "fold-01" / "seed-0" / "model" / "evaluate" / "predictions.npz"
    assert again.read_bytes() == (plain / again.relative_to(folder)).read_bytes()


def test_without_submitit_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ConfigError, match=r"--cluster needs the package submitit.*pip install 'memhacl\[slurm\]'"):
        list(submit([], 1, HERE, tmp_path))


def test_without_a_cluster_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm = Cluster("slurm", partition="gpu", hours=1.0, memory=8.0, gpus=1, threads=2)
    with pytest.raises(DataError, match=r"--cluster slurm: .*; call this where jobs can be submitted"):
        list(submit([], 1, slurm, tmp_path))


def test_a_job_whose_time_is_up_is_to_be_submitted_as_it_is() -> None:
    job = Job("fold 0", folded(), Path("run"), {"prepare": Path()})
    again = Resumed().checkpoint(job)
    assert isinstance(again.function, Resumed)
    assert again.args == (job,)
