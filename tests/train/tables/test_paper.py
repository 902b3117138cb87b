"""The paper's numbers agree with what its text says of them, and each belongs to a training that there is."""

from collections import Counter

import pytest

from memhacl.train.measure.predictions import MODEL
from memhacl.train.tables import paper
from memhacl.train.tables.experiments import CONFIGS, EXPERIMENTS
from memhacl.train.tables.paper import ACCURACY, LOSS, SUPERVISED, Given

EVERY = [
    (experiment, kind, given)
    for experiment in EXPERIMENTS.values()
    for kind, numbers in experiment.data.items()
    for given in numbers.given
]


def of(
    numbers: tuple[Given, ...], way: str, task: str, variant: str = paper.ALL, measure: str = ACCURACY
) -> float:
    wanted = (variant, way, task, measure)
    return next(one.value for one in numbers if (one.variant, one.way, one.task, one.measure) == wanted)


@pytest.mark.parametrize(
    ("numbers", "gains"),
    [
        (paper.OWN_DEAP, {"valence": 0.0067, "arousal": 0.0133, "quadrant": 0.0006}),
        (paper.OWN_HCI, {"valence": 0.0006, "arousal": 0.0022, "quadrant": 0.0011}),
    ],
)
def test_fine_tuning_gains_on_supervised_what_section_4b_says_of_self_supervised(
    numbers: tuple[Given, ...], gains: dict[str, float]
) -> None:
    for task, gain in gains.items():
        assert of(numbers, MODEL, task) - of(numbers, SUPERVISED, task) == pytest.approx(gain)


@pytest.mark.parametrize(
    ("numbers", "peers", "name", "leads"),
    [
        (paper.OWN_DEAP, paper.PEERS_DEAP, "ACRNN", {"valence": 0.0267}),
        (paper.OWN_DEAP, paper.PEERS_DEAP, "MindLink", {"valence": 0.2614, "arousal": 0.3444}),
        (paper.OWN_DEAP, paper.PEERS_DEAP, "DCCA", {"valence": 0.1206, "quadrant": 0.0084}),
        (paper.OWN_DEAP, paper.PEERS_DEAP, "GA-MLP", {"valence": 0.0529, "arousal": 0.0242, "quadrant": 0.0583}),
        (paper.OWN_HCI, paper.PEERS_HCI, "TSception", {"valence": 0.3362}),
        (paper.OWN_HCI, paper.PEERS_HCI, "MindLink", {"valence": 0.1633, "arousal": 0.1889}),
        (paper.OWN_HCI, paper.PEERS_HCI, "HCNNS", {"valence": 0.0472, "arousal": 0.0594}),
    ],
)
def test_others_are_as_far_behind_as_the_text_says(
    numbers: tuple[Given, ...], peers: tuple[paper.Peer, ...], name: str, leads: dict[str, float]
) -> None:
    peer = next(peer for peer in peers if peer.name.startswith(name))
    for task, lead in leads.items():
        assert of(numbers, MODEL, task) - peer.accuracy[task] == pytest.approx(lead)


def test_four_modalities_of_fig_8_are_the_valence_of_table_4() -> None:
    assert of(paper.MODALITIES, MODEL, "valence", paper.FOUR) == of(paper.OWN_DEAP, MODEL, "valence")


def test_every_number_is_of_a_training_that_is_done_and_says_where_it_stands() -> None:
    assert len(EVERY) > 40
    for experiment, kind, given in EVERY:
        assert kind in CONFIGS
        assert given.variant in experiment.study.variants
        assert given.way in (MODEL, *experiment.compare)
        assert given.task in experiment.study.tasks
        assert given.measure in (ACCURACY, LOSS)
        assert 0 < given.value < 1
        assert given.source.startswith(("Table ", "section "))
    counts = Counter((e.name, k, g.variant, g.way, g.task, g.measure) for e, k, g in EVERY)
    assert set(counts.values()) == {1}


def test_tasks_shown_are_trained_and_numbers_of_all_of_them_are_shown() -> None:
    for experiment in EXPERIMENTS.values():
        assert set(experiment.tasks) <= set(experiment.study.tasks)
        if experiment.picture == "dots":
            for numbers in experiment.data.values():
                assert {given.task for given in numbers.given} == set(experiment.tasks)
