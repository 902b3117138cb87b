"""The numbers of the paper, each with where it stands; shares, not percent.

Y. Guo, T. Zhang and W. Huang, "Emotion recognition based on multi-modal electrophysiology multi-head attention
contrastive learning". What stands only in its pictures (the confusion matrices of Figs. 6 and 7, the t-SNE of
Figs. 11 and 12) was not read off, and attention heat maps, which section IV-C announces, are not shown.

Its text calls "self-supervised" what its tables call "Fully-supervised": the differences that section IV-B gives
between "fine-tuning" and "self-supervised" are those between these rows. So it is `supervised` here throughout.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from memhacl.train.measure.predictions import MODEL

ACCURACY, LOSS = "accuracy", "loss"
SUPERVISED = "supervised"
ALL = "all modalities"

PROTOCOL: Final = (
    "1-s clips drawn at random 70/15/15, so that seconds of every trial and every person are on both sides: "
    "leaky; accuracy a window, mean of five trainings (section IV-A)"
)
_UNKNOWN: Final = "not given in the paper"


@dataclass(frozen=True)
class Given:
    """A number that the paper gives for a ``variant`` of its method trained one ``way``, and its ``source``."""

    variant: str
    way: str
    task: str
    measure: str
    value: float
    source: str


@dataclass(frozen=True)
class Peer:
    """Another method in a table of the paper: its accuracy by task, and how its own authors measured it.

    ``way`` is what `crossvalidate.compare` calls our own implementation of it, "" where there is none.
    """

    name: str
    accuracy: Mapping[str, float]
    protocol: str = _UNKNOWN
    way: str = ""


def _peer(name: str, shares: tuple[float, ...], protocol: str = _UNKNOWN, way: str = "") -> Peer:
    return Peer(name, dict(zip(("valence", "arousal", "quadrant"), shares, strict=False)), protocol, way)


PEERS_DEAP: Final = (
    _peer("MindLink-Eumpy (2021)", (0.7025, 0.5900)),
    _peer("MMResLSTM (2019)", (0.9287, 0.9230)),
    _peer("ACRNN (2019)", (0.9372, 0.9338), "10 folds over slices of 3 s of each person"),
    _peer("DCCA (2019)", (0.8433, 0.8562, 0.8851)),
    _peer("GA-MLP (2021)", (0.9110, 0.9102, 0.8352), "folds or 80/20 over the windows of each person"),
)
PEERS_HCI: Final = (
    _peer(
        "TSception (2021)", (0.6127, 0.6061), "10 folds over whole trials of each person: less leaky", "tsception"
    ),
    _peer("MindLink-Eumpy (2021)", (0.7856, 0.7722), "subject-independent, by its abstract: people unseen"),
    _peer("HCNNS-MFB (2022)", (0.9017, 0.9017)),
)


def _own(source: str, tuned: tuple[float, ...], scratch: tuple[float, ...]) -> Iterator[Given]:
    for way, shares in ((SUPERVISED, scratch), (MODEL, tuned)):
        for task, share in zip(("valence", "arousal", "quadrant"), shares, strict=True):
            yield Given(ALL, way, task, ACCURACY, share, source)


OWN_DEAP: Final = tuple(_own("Table IV", (0.9639, 0.9344, 0.8935), (0.9572, 0.9211, 0.8929)))
OWN_HCI: Final = tuple(_own("Table V", (0.9489, 0.9611, 0.9372), (0.9483, 0.9589, 0.9361)))

EEG, EEG_GSR, EEG_TEMP, EEG_RESP = "EEG", "EEG + GSR", "EEG + Temp", "EEG + Resp"
THREE, FOUR, FIVE = "EEG + Resp + Temp", "EEG + GSR + Resp + Temp", "EEG + EOG + GSR + Resp + Temp"


def _modalities() -> Iterator[Given]:
    source = "section IV-C-1 (Fig. 8)"
    for variant, accuracy, loss in (
        (EEG, 0.9138, 0.3101),
        (EEG_GSR, 0.9147, 0.3157),
        (THREE, 0.9032, 0.3488),
        (FOUR, 0.9639, 0.1364),
        (FIVE, 0.9437, 0.2077),
    ):
        yield Given(variant, MODEL, "valence", ACCURACY, accuracy, source)
        yield Given(variant, MODEL, "valence", LOSS, loss, source)


def _pairs(task: str, figure: str, rows: tuple[tuple[str, str, float, float], ...]) -> Iterator[Given]:
    source = f"section IV-C-2 ({figure})"
    for variant, way, accuracy, loss in rows:
        yield Given(variant, way, task, ACCURACY, accuracy, source)
        yield Given(variant, way, task, LOSS, loss, source)


MODALITIES: Final = tuple(_modalities())
PAIRS_VALENCE: Final = tuple(
    _pairs(
        "valence",
        "Fig. 9",
        (
            (EEG_TEMP, MODEL, 0.9706, 0.1002),
            (EEG_GSR, MODEL, 0.9756, 0.0993),
            (EEG_RESP, MODEL, 0.9450, 0.1948),
            (EEG_TEMP, SUPERVISED, 0.9789, 0.0687),
            (EEG_GSR, SUPERVISED, 0.9711, 0.0916),
            (EEG_RESP, SUPERVISED, 0.9556, 0.1473),
        ),
    )
)
PAIRS_AROUSAL: Final = tuple(
    _pairs(
        "arousal",
        "Fig. 10",
        (
            (EEG_TEMP, MODEL, 0.9639, 0.1348),
            (EEG_GSR, MODEL, 0.9762, 0.0923),
            (EEG_RESP, MODEL, 0.9439, 0.1971),
            (EEG_TEMP, SUPERVISED, 0.9733, 0.0687),
            (EEG_GSR, SUPERVISED, 0.9694, 0.0948),
            (EEG_RESP, SUPERVISED, 0.9556, 0.1470),
        ),
    )
)
