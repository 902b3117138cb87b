"""The command: what it refuses, what it lists, and one table from simulated people to the end."""

import json
from pathlib import Path

import pytest
from plugins.deap_files import WriteDeap

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.sources.simulated.deap_files import write_deap
from memhacl.stream.sources.simulated.people import People
from memhacl.train.cli import dispatch
from memhacl.train.tables.experiments import EXPERIMENTS


def test_the_list_says_what_each_is_and_what_it_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    assert dispatch(["reproduce", "--list"]) == 0
    text = capsys.readouterr().out
    for experiment in EXPERIMENTS.values():
        row = next(row for row in text.splitlines() if row.split()[1:2] == [experiment.name])
        assert experiment.what in row
        assert next(iter(experiment.data)) in row
    assert "30 x 3.4 h, or 4.2 days" in text  # Fig. 8 on DEAP: five sets of modalities, a split and five folds


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "TABLE is missing: it comes first; expected one of table4, table5, fig6"),
        (
            ["fig13", "--data", "simulated"],
            "unknown TABLE 'fig13'; did you mean 'fig1.'. expected one of table4, .*",
        ),
        (["table4"], "--data is missing: give the folder of DEAP$"),
        (["table4", "--data", "simulated", "--jobs", "-1"], "--jobs -1: expected 0 or more"),
        (["table4", "--data", "simulated", "--protocols", "trial", "trial"], "each once, found 'trial trial'"),
        (["table4", "--data", "simulated", "--protocol.name", "trial"], "expected --protocols trial"),
        (["fig8", "--data", "simulated", "--use", "EEG"], "--use: the trainings of 'fig8' set it themselves"),
        (["table4", "--data", "simulated", "--pretrain.epoch", "3"], "unknown key 'pretrain.epoch'; did you mean"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as found:
        dispatch(["reproduce", *arguments])
    assert "\n" not in str(found.value)


def test_data_of_another_kind_is_refused(write_deap_files: WriteDeap, tmp_path: Path) -> None:
    data = str(write_deap_files(tmp_path / "deap", people=1, trials=1, seconds=4))
    with pytest.raises(
        DataError, match="'table5' is about MAHNOB-HCI, found DEAP; give that data set, or simulated"
    ):
        dispatch(["reproduce", "table5", "--data", data])


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_table_from_simulated_people_and_another_that_reads_the_same_trainings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "people", tmp_path / "out"
    write_deap(People(subjects=6, stimuli=6, seconds=3), data)
    settings = (
        "--quick --jobs 1 --workers 1 --threads 1 --device cpu --pretrain.epochs 1 --finetune.epochs 1 "
        "--method.settings.members 1 --evaluate.baselines majority --evaluate.resamples 100"
    ).split()
    common = ["--data", str(data), "--out", str(out), *settings]
    assert dispatch(["reproduce", "fig6", *common]) == 0
    said = capsys.readouterr()
    assert "SIMULATED people: our numbers and the paper's cannot be compared." in said.out
    assert "4 trainings done" in said.err
    place = out / "deap-quick"
    for protocol in ("paper", "subject+stimulus"):
        cell = place / "method" / "all-modalities" / protocol
        assert {entry.name for entry in (cell / "folds" / "fold-00" / "seed-0").iterdir()} == {
            "model",
            "supervised",
        }
        assert (cell / "evaluate" / "report.html").is_file()
    assert [path.is_symlink() for path in place.rglob("windows.npy")] == [False]  # one corpus for all
    table = json.loads((place / "tables" / "fig6" / "table.json").read_text(encoding="utf-8"))
    own = next(
        row for row in table["rows"] if row["what"] == "ME-MHACL, fine-tuned" and row["measure"] == "accuracy"
    )
    assert own["paper"] == 0.8935
    assert set(own["ours"]) == {"paper", "subject+stimulus"}
    assert (place / "tables" / "fig6" / "confusion-quadrant.png").stat().st_size > 0

    assert dispatch(["reproduce", "supervised", *common]) == 0
    said = capsys.readouterr()
    assert "skipped: all of 4 trainings stand" in said.err
    assert (place / "tables" / "supervised" / "table.md").is_file()
    with pytest.raises(ConfigError, match=r"was made under other settings .*finetune.epochs was 1, is 2"):
        dispatch(["reproduce", "supervised", *common, "--finetune.epochs", "2"])
