import shutil
from pathlib import Path
from typing import Any

import pytest
from plugins.crossvalidating import folded, go, learnt

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.cli import dispatch
from memhacl.train.config import Config
from memhacl.train.corpus.store import load_corpus
from memhacl.train.crossvalidation.share import share
from memhacl.train.crossvalidation.ways import check_config, way_config
from memhacl.train.fold_settings import CrossvalidateConfig
from memhacl.train.folder import RunFolder
from memhacl.train.measure.versus import open_measured
from memhacl.train.report.pieces import gather
from memhacl.train.restore import load_run
from memhacl.train.settings import load_config, save_config

pytestmark = pytest.mark.usefixtures("one_thread")


def changed(config: Config, section: str, **values: Any) -> Config:
    return config.model_copy(update={section: getattr(config, section).model_copy(update=values)})


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            changed(folded(), "protocol", folds=0),
            r"protocol.folds: expected 2 or more, or 'each', found 0.*--protocol",
        ),
        (changed(folded(), "protocol", fold=1), r"protocol.fold: one fold is for 'memhacl-train run'"),
        (
            folded().model_copy(update={"seed": 7}),
            r"seed: expected one of crossvalidate.seeds \(0\), found 7; give",
        ),
        (folded(seeds=(1, 1)), r"crossvalidate.seeds: expected each once"),
        (
            folded(compare=("probe",)),
            r"'probe' reads a pretrained encoder, and method 'supervised' does not pretrain",
        ),
        (folded(compare=("supervised",)), r"found 'supervised', which is the model's own method"),
        (folded(compare=("eegent",)), r"expected some of probe, eegnet, .*, found 'eegent'"),
        (folded(compare=("eegnet", "eegnet")), r"crossvalidate.compare: expected each once"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused_before_anything_is_done(config: Config, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_config(config)


def test_other_settings_are_refused_by_name(plain: Path, few_people: Path) -> None:
    other = changed(changed(folded(), "finetune", lr=0.5), "protocol", seed=4)
    with pytest.raises(
        ConfigError, match=r"made under other settings \(protocol.seed was 0, is 4; finetune.lr was "
    ):
        go(other, plain, few_people)
    assert load_config(str(plain)) == folded()


def test_other_data_is_refused(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "others.yaml").write_text("subjects: 6\nstimuli: 4\nseconds: 2\nseed: 2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds folds of other data, .*: give the same --data, another --out, or"):
        go(folded(), plain, tmp_path / "others.yaml")


def test_by_force_what_they_change_is_made_again(plain: Path, few_people: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plain, tmp_path / "folds", symlinks=True))
    other = changed(folded(), "finetune", epochs=1)
    failed, said = go(other, folder, force=True)
    assert (failed, "prepare   skipped" in said) == (0, True)
    assert "2 of 2 trainings to do" in said
    assert load_config(str(folder)).finetune.epochs == 1
    assert learnt(folder) != learnt(plain)
    (folder / "config.yaml").write_text("of: another version\n", encoding="utf-8")
    assert go(other, folder, force=True)[0] == 0


def test_numbers_of_other_settings_count_no_longer_while_folds_are_made_again(plain: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plain, tmp_path / "folds", symlinks=True))
    run = folder / "folds" / "fold-01" / "seed-0" / "model"
    shutil.rmtree(run)
    run.write_text("a file where a folder should be", encoding="utf-8")
    assert go(changed(folded(), "finetune", epochs=1), folder, force=True)[0] == 1
    with pytest.raises(DataError, match="'evaluate' has not run under the settings"):
        load_run(folder)
    for read in (open_measured, gather):
        with pytest.raises(DataError, match="has not been evaluated since something in it was made anew"):
            read(folder)


def test_by_force_numbers_are_taken_again_where_a_file_is_lost(plain: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plain, tmp_path / "folds", symlinks=True))
    (folder / "evaluate" / "predictions.npz").unlink()
    with pytest.raises(DataError, match=r"holds no predictions .*; evaluate again with --force"):
        go(folded(), folder)
    failed, said = go(folded(), folder, force=True)
    assert (failed, said.count("skipped")) == (0, 3)
    assert learnt(folder) == learnt(plain)


def test_by_force_a_damaged_corpus_is_prepared_again(plain: Path, few_people: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plain, tmp_path / "folds", symlinks=True))
    (folder / "corpus" / "windows.npy").write_bytes(b"")
    with pytest.raises(DataError, match="prepare it again with --force"):
        go(folded(), folder, few_people)
    failed, said = go(folded(), folder, few_people, force=True)
    assert (failed, "all of 2 trainings stand" in said) == (0, True)
    assert learnt(folder) == learnt(plain)


def test_what_was_interrupted_while_it_prepared_goes_on(few_people: Path, tmp_path: Path) -> None:
    nobody = changed(folded(), "people", leave_out=("nobody",))
    with pytest.raises(ConfigError, match=r"people\.leave_out"):
        go(nobody, tmp_path / "folds", few_people)
    (tmp_path / "folds" / "prepare.partial" / "parts").mkdir(parents=True)  # as a kill leaves it
    RunFolder(tmp_path / "folds")
    (tmp_path / "folds" / "folds" / "mine.txt").touch()
    with pytest.raises(DataError, match="found other files"):
        RunFolder(tmp_path / "folds")


def test_a_seed_is_no_negative_number() -> None:
    with pytest.raises(ConfigError, match=r"seeds.*greater than or equal to 0"):
        CrossvalidateConfig.parse({"seeds": [0, -1]}, "crossvalidate", ConfigError)


def test_a_cross_validation_and_a_run_keep_out_of_each_other(plain: Path, few_people: Path) -> None:
    run = plain / "folds" / "fold-00" / "seed-0" / "model"
    with pytest.raises(
        DataError, match="expected a cross-validation, found a single run; give --out another name"
    ):
        go(folded(), run, few_people)
    with pytest.raises(DataError, match="holds a cross-validation; give another --out"):
        dispatch(["run", str(plain), "--out", str(plain)])


def test_without_data_it_asks_for_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no corpus has been prepared here; give the data with --data"):
        go(folded(), tmp_path / "new")


def test_too_few_people_for_the_folds_is_said(few_people: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"protocol.folds: expected as many as there are units.*\(6\), found 7"):
        go(folded(folds=7), tmp_path / "new", few_people)


def test_the_command_names_what_is_missing_or_wrong(few_people: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    save_config(folded(), config)
    start = ["crossvalidate", str(config), "--data", str(few_people)]
    with pytest.raises(ConfigError, match="--out is missing"):
        dispatch(start)
    with pytest.raises(ConfigError, match="--jobs -1: expected 0 or more"):
        dispatch([*start, "--out", str(tmp_path / "new"), "--jobs", "-1"])
    with pytest.raises(ConfigError, match=r"--hours 0\.0: expected more than 0"):
        dispatch([*start, "--out", str(tmp_path / "new"), "--hours", "0"])
    assert not (tmp_path / "new").exists()


def test_threads_and_jobs_fit_the_machine(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = load_corpus(plain / "corpus")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8))
    two = folded().model_copy(update={"threads": 2})
    free = folded().model_copy(update={"threads": 0})
    assert (share(two, corpus, 0, 40).jobs, share(two, corpus, 0, 40).threads) == (4, 2)
    assert (share(two, corpus, 0, 3).jobs, share(two, corpus, 0, 3).threads) == (3, 2)
    assert (share(free, corpus, 2, 40).jobs, share(free, corpus, 2, 40).threads) == (2, 4)
    assert share(two, corpus, 2, 40).why == "2 at once, 2 threads each, on 8 cores"
    assert share(two, corpus, 5, 40).why == "5 at once, 2 threads each, on 8 cores: more than there are"


def test_each_way_differs_from_the_model_in_one_thing() -> None:
    config = folded("me-mhacl", compare=("probe", "supervised", "eegnet"), permutations=1)
    model = way_config(config, "model", 3, 1)
    assert (model.seed, model.protocol.fold, model.method) == (3, 1, config.method)
    probe = way_config(config, "probe", 3, 1)
    assert probe.finetune.mode == "probe"
    assert probe.model_copy(update={"finetune": model.finetune}) == model
    scratch = way_config(config, "supervised", 3, 1)
    assert scratch.method.name == "supervised"
    assert scratch.method.settings["width"] == config.method.settings["width"]  # the same network
    assert scratch.model_copy(update={"method": model.method}) == model
    eegnet = way_config(config, "eegnet", 3, 1)
    assert eegnet.method.name == "eegnet"
    assert "width" not in eegnet.method.settings
    permuted = way_config(config, "model", 3, 1, permutation=2)
    assert (permuted.labels.permutation, permuted.evaluate.baselines) == (2, ())


def test_a_model_to_start_from_is_left_aside_by_what_starts_from_scratch() -> None:
    config = folded("me-mhacl", compare=("probe", "supervised")).model_copy(update={"init": "a.onnx"})
    check_config(config)
    assert way_config(config, "probe", 0, 0).init == "a.onnx"
    assert way_config(config, "supervised", 0, 0).init == ""
