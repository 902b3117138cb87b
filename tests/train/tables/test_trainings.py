"""What is trained for each table: configs that differ in what they should and in nothing else."""

from pathlib import Path
from typing import Any

import pytest

from memhacl.stream.errors import ConfigError
from memhacl.train.crossvalidation.trainings import Training
from memhacl.train.settings import load_config
from memhacl.train.tables.cells import Cell, cells_of
from memhacl.train.tables.changes import changed, check_free, defaults, differences, flat
from memhacl.train.tables.experiments import CONFIGS, EXPERIMENTS, Experiment

BOTH = ("paper", "subject+stimulus")
TASKS = ["valence", "arousal", "quadrant"]


def cells(
    name: str, quick: bool = False, data: str | None = None, protocols: tuple[str, ...] = BOTH
) -> list[Cell]:
    experiment = EXPERIMENTS[name]
    asked = defaults(load_config(CONFIGS[data or next(iter(experiment.data))]), quick)
    return cells_of(experiment, asked, protocols, Path("out"))


def changes(name: str) -> list[dict[str, Any]]:
    """What each training under the trusted protocol sets, other than the packaged config of its data."""
    packaged = flat(load_config(CONFIGS[next(iter(EXPERIMENTS[name].data))]))
    free = ("name", "protocol.name", "protocol.folds")
    return [
        {key: value for key, value in flat(cell.config).items() if value != packaged[key] and key not in free}
        for cell in cells(name, protocols=("subject+stimulus",))
    ]


SUPERVISED = {"crossvalidate.compare": ["supervised"]}
PAIRS = [
    {"use": ["EEG", other], "labels.tasks": ["valence", "arousal"], **SUPERVISED}
    for other in ("Temp", "GSR", "Resp")
]
PROJECTOR = {"labels.tasks": ["valence", "quadrant"], "finetune.mode": "probe"}
DIFFER: dict[str, list[dict[str, Any]]] = {
    "table4": [SUPERVISED],
    "table5": [{"crossvalidate.compare": ["supervised", "tsception"]}],
    "fig6": [SUPERVISED],
    "fig7": [SUPERVISED],
    "fig8": [
        {"use": use, "labels.tasks": ["valence"]}
        for use in (
            ["EEG"],
            ["EEG", "GSR"],
            ["EEG", "Resp", "Temp"],
            ["EEG", "GSR", "Resp", "Temp"],
            ["EEG", "EOG", "GSR", "Resp", "Temp"],
        )
    ],
    "fig9": PAIRS,
    "fig10": PAIRS,
    "fig11": [PROJECTOR, PROJECTOR | {"method.settings.attention": False}],
    "fig12": [PROJECTOR, PROJECTOR | {"method.settings.attention": False}],
    "attention": [{"method.settings.encoder": "attention"}],
    "supervised": [SUPERVISED],
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_trainings_differ_from_the_papers_settings_in_what_the_table_is_about_alone(name: str) -> None:
    assert changes(name) == DIFFER[name]


def test_the_papers_protocol_is_one_split_and_the_other_one_is_in_folds() -> None:
    leaky, trusted = cells("table4")
    assert (leaky.config.protocol.name, leaky.config.protocol.folds) == ("paper", 0)
    assert (trusted.config.protocol.name, trusted.config.protocol.folds) == ("subject+stimulus", 5)
    share = ("validation", "test")
    assert [getattr(leaky.config.protocol, name) for name in share] == [0.15, 0.15]


def test_tables_that_read_the_same_trainings_find_them_in_the_same_folders() -> None:
    def jobs(name: str, data: str | None = None) -> set[tuple[Path, str]]:
        return {
            (job.path, str(sorted(flat(job.config).items())))
            for cell in cells(name, data=data)
            for way in ("model", "supervised")
            for job in [cell.job(Training(0, 0, way))]
        }

    def paths(name: str) -> set[Path]:
        return {cell.path for cell in cells(name)}

    assert paths("table4") == paths("fig6") == paths("supervised")
    assert jobs("table4") == jobs("supervised") == jobs("fig6")
    assert paths("table5") == paths("fig7")
    assert jobs("fig7") == jobs("supervised", "MAHNOB-HCI")
    assert jobs("fig9") == jobs("fig10")
    assert jobs("fig11") == jobs("fig12")
    every = [
        cell.path for name in ("table4", "table5", "fig8", "fig9", "fig11", "attention") for cell in cells(name)
    ]
    assert len(set(every)) == len(every)


def test_jobs_of_all_cells_have_names_of_their_own() -> None:
    names = [cell.job(Training(0, 0)).name for cell in cells("fig8")]
    assert len(set(names)) == len(names) == 10


def test_quick_is_smaller_and_lies_elsewhere() -> None:
    (quick, _), (full, _) = cells("table4", quick=True), cells("table4")
    assert quick.path != full.path
    assert quick.config.pretrain.epochs < full.config.pretrain.epochs == 4000
    assert quick.config.method.settings["width"] < full.config.method.settings["width"] == 1.0
    told = differences(quick.config, load_config("deap"))
    assert "pretrain.epochs 3 (paper: 4000)" in told
    assert not differences(full.config, load_config("deap"))


def test_a_config_without_a_modality_is_refused_in_one_line() -> None:
    asked = defaults(load_config("demo"), True)
    with pytest.raises(ConfigError, match=r"demo-quick, EEG \+ EOG .*: use: expected modalities out of .*'EOG'"):
        cells_of(EXPERIMENTS["fig8"], asked, BOTH, Path("out"))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("fig8", {"use": ["EEG"]}, "--use: the trainings of 'fig8' set it themselves"),
        ("fig11", {"method.settings.attention": False}, "--method.settings.attention: the trainings"),
        ("table4", {"labels.tasks": ["valence"]}, "--labels.tasks: the trainings"),
        ("table4", {"crossvalidate.compare": ["eegnet"]}, "--crossvalidate.compare: the trainings"),
        ("table4", {"protocol.name": "trial"}, "--protocol.name: expected --protocols trial"),
    ],
)
def test_what_a_table_sets_itself_cannot_be_overridden(name: str, change: dict[str, Any], message: str) -> None:
    experiment: Experiment = EXPERIMENTS[name]
    before = load_config(CONFIGS[next(iter(experiment.data))])
    check_free(before, before, experiment.study, name)
    with pytest.raises(ConfigError, match=message):
        check_free(changed(before, change, "test"), before, experiment.study, name)


def test_another_method_is_refused() -> None:
    config = load_config("wesad")
    with pytest.raises(ConfigError, match="the paper's method is 'me-mhacl', found 'supervised'"):
        check_free(config, config, EXPERIMENTS["table4"].study, "table4")
