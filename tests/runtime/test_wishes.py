"""Nobody is ever predicted from somebody else's stream: who rivals whom, and what a session file must not say."""

from collections.abc import Mapping

import pytest

from memhacl.runtime.participants import Choice, Participant, Session, SignalChoice
from memhacl.runtime.wishes import check_apart, wishes
from memhacl.stream.errors import ConfigError, StreamError
from memhacl.stream.lsl.finding import Candidate, choose
from memhacl.stream.spec import ModalitySpec, SignalSpec

EEG = ModalitySpec(modality="EEG", channels=("Cz", "Oz"), unit="uV", baseline="none")
GSR = ModalitySpec(modality="GSR", channels=("GSR",), unit="uS", baseline="none")
SPEC = SignalSpec(modalities=(EEG, GSR))
FIRST, SECOND = {"Cz": "1", "Oz": "2"}, {"Cz": "33", "Oz": "34"}
Signals = Mapping[str, Mapping[str, object]]


def session(anna: Signals, ben: Signals, own: Mapping[str, str] | None = None, **shared: object) -> Session:
    """Anna and Ben; ``own`` is the pattern of the marker stream of each who has one."""
    people = [
        Participant(
            name=name,
            streams={modality: SignalChoice.model_validate(choice) for modality, choice in streams.items()},
            markers=Choice(name=own[name]) if own and name in own else None,
        )
        for name, streams in (("anna", anna), ("ben", ben))
    ]
    return Session(participants=tuple(people), **shared)


def seen(name: str, modality: str = "EEG") -> Candidate:
    return Candidate(f"uid-{name}", name, modality, modality, "", "lab", 4, 0.0, 0.0, None)


def test_a_pattern_waits_for_a_stream_that_nobody_else_names() -> None:
    """Once whoever looked first took the stream of the other, for a whole session."""
    told = wishes(session({"EEG": {"name": "amp-anna"}}, {"EEG": {"name": "amp-*"}}), SPEC)
    hers, his = seen("amp-anna"), seen("amp-ben")
    assert choose(told["ben", "EEG"], [hers]) is None
    assert choose(told["anna", "EEG"], [hers]) is hers
    assert choose(told["ben", "EEG"], [hers, his]) is his


@pytest.mark.parametrize(
    ("anna", "ben"),
    [
        ({"EEG": {"name": "am*"}}, {"EEG": {"name": "*p"}}),
        ({"EEG": {"name": "am*"}}, {"GSR": {"name": "a*", "type": "EEG", "channels": {"GSR": "AUX"}}}),
        ({"EEG": {"name": "a*", "channels": FIRST}}, {"EEG": {"name": "am*", "channels": {"Cz": "3"}}}),
        ({"EEG": {"name": "a*", "channels": FIRST}}, {"EEG": {"name": "am*", "channels": FIRST}}),
    ],
    ids=["patterns", "another modality", "a part of the channels", "the same channels"],
)
def test_one_stream_for_two_is_for_neither(anna: Signals, ben: Signals) -> None:
    told = wishes(session(anna, ben), SPEC)
    for wanted in (wish for (_, modality), wish in told.items() if modality != "Markers"):
        with pytest.raises(StreamError, match="expected a stream for each participant, found 'amp'") as problem:
            choose(wanted, [seen("amp")])
        assert "anna's" in str(problem.value)
        assert "ben's" in str(problem.value)


def test_all_channels_of_each_keep_two_people_on_one_amplifier_apart() -> None:
    both = session({"EEG": {"name": "amp", "channels": FIRST}}, {"EEG": {"name": "amp", "channels": SECOND}})
    check_apart(both, SPEC)
    told = wishes(both, SPEC)
    assert choose(told["anna", "EEG"], [seen("amp")]) == choose(told["ben", "EEG"], [seen("amp")]) == seen("amp")


@pytest.mark.parametrize(
    ("anna", "ben", "says"),
    [
        ({"EEG": {"name": "amp"}}, {"EEG": {"name": "amp"}}, "for EEG; choose by name, source_id or host"),
        ({"EEG": {"channels": FIRST}}, {"EEG": {"channels": FIRST}}, "for EEG, and channel '1' in both; give"),
        (
            {"EEG": {"channels": FIRST}},
            {"EEG": {"channels": {"Cz": "33"}}},
            "for EEG, and no channel of ben's for Oz; give all channels of each",
        ),
        (
            {"GSR": {"name": "amp", "type": "eeg", "channels": {"GSR": "AUX"}}},
            {"EEG": {"name": "amp"}},
            "for GSR and EEG; choose by name, source_id or host, or give",
        ),
    ],
)  # fmt: skip
def test_a_file_that_leads_two_to_one_stream_is_refused(anna: Signals, ben: Signals, says: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^participants 'anna' and 'ben': expected a stream for each"
    ) as problem:
        check_apart(session(anna, ben), SPEC)
    assert f"found the same choice {says}" in str(problem.value)


def test_marker_streams_of_ones_own_are_nobody_elses() -> None:
    mine, yours = {"EEG": {"name": "a"}}, {"EEG": {"name": "b"}}
    with pytest.raises(ConfigError, match="same choice for Markers; give it once, as 'markers' at the top"):
        check_apart(session(mine, yours, {"anna": "Psy*", "ben": "Psy*"}), SPEC)
    both = session(mine, yours, {"anna": "Psy*", "ben": "PsychoPy"})
    check_apart(both, SPEC)
    assert choose(wishes(both, SPEC)["anna", "Markers"], [seen("PsychoPy", "Markers")]) is None
    one = session(mine, yours, {"ben": "buttons"}, markers=Choice(name="*"))
    stimuli, buttons = seen("stimuli", "Markers"), seen("buttons", "Markers")
    assert choose(wishes(one, SPEC)[None, "Markers"], [buttons, stimuli]) is stimuli
    assert choose(wishes(one, SPEC)["ben", "Markers"], [buttons, stimuli]) is buttons
    same = session(mine, yours, {"ben": "stimuli"}, markers=Choice(name="stimuli"))
    assert choose(wishes(same, SPEC)["ben", "Markers"], [stimuli]) is stimuli


def test_one_person_may_read_one_stream_for_all() -> None:
    box = {"EEG": {"name": "b*"}, "GSR": {"name": "b*", "type": "EEG", "channels": {"GSR": "AUX"}}}
    both = session(box, {"EEG": {"name": "x"}, "GSR": {"name": "y"}})
    check_apart(both, SPEC)
    assert choose(wishes(both, SPEC)["anna", "GSR"], [seen("box")]) == seen("box")
