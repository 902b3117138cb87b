"""The protocols: what each draws by lot, what it keeps apart, and what a number under it says."""

from dataclasses import dataclass
from typing import Final

PARTS: Final = ("train", "validation", "test")


@dataclass(frozen=True)
class Protocol:
    """What is drawn by lot (``draws``), what is then ``disjoint`` in the parts, and what that means.

    ``meaning`` are the few words that stand beside every number, ``in_words`` are sentences for a report.
    """

    draws: tuple[str, ...]
    disjoint: tuple[str, ...]
    meaning: str
    in_words: str


# The paper (section IV, on processing DEAP) draws the 2400 seconds of the stimuli at random, 70, 15 and 15 %, each
# with the windows of everybody: pretraining's groups need all people of a clip on one side. So clips are what
# 'paper' draws; that keeps nothing apart which matters, for the seconds beside them are of the same trials.
PROTOCOLS: Final = {
    "paper": Protocol(
        ("clip",),
        (),
        "paper (leaky: neighbouring seconds of one trial, and its rest, on both sides)",
        "Seconds of the stimuli were drawn at random. The seconds before and after a tested one, of the same "
        "person in the same trial and with the same rest period subtracted, were learned from: to recognise the "
        "trial is enough, and takes no knowledge of emotion. The number says nothing about new people, stimuli or "
        "trials.",
    ),
    "trial": Protocol(
        ("trial",),
        ("trial",),
        "trials unseen, people and stimuli seen",
        "Whole trials of each person were held back. Other trials of the same people, and other people's trials "
        "of the same stimuli, were learned from. The number is about people of whom labelled trials were recorded "
        "before, and about stimuli that are known.",
    ),
    "subject": Protocol(
        ("subject",),
        ("subject",),
        "people unseen, stimuli seen",
        "Nothing of the tested people was learned from, but other people's trials of the same stimuli were: to "
        "recognise the stimulus can be enough. The number is about new people who see the known stimuli.",
    ),
    "stimulus": Protocol(
        ("stimulus",),
        ("stimulus",),
        "stimuli unseen, people seen",
        "Nobody's trials of the tested stimuli were learned from, but other trials of the same people were: to "
        "recognise the person can help. The number is about new stimuli, shown to people of whom labelled trials "
        "were recorded before.",
    ),
    "subject+stimulus": Protocol(
        ("subject", "stimulus"),
        ("subject", "stimulus"),
        "people and stimuli unseen",
        "Neither the tested people nor the tested stimuli were learned from: there is no person and no stimulus "
        "to recognise. The number is about new people who see something new, as in live use.",
    ),
}
MEANING: Final = {name: protocol.meaning for name, protocol in PROTOCOLS.items()}
IN_WORDS: Final = {name: protocol.in_words for name, protocol in PROTOCOLS.items()}
LEAKY: Final = tuple(name for name, protocol in PROTOCOLS.items() if not protocol.disjoint)


def people_in_all_parts(disjoint: tuple[str, ...]) -> bool:
    """Whether something is kept apart, and people are not: then one recording gives windows to several parts."""
    return bool(disjoint) and "subject" not in disjoint
