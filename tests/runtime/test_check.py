"""What `--check` concludes from what is visible: what would be read, what would not work and why."""

from dataclasses import replace

import pytest

from memhacl.runtime.check import Use, uses
from memhacl.runtime.check_view import lines
from memhacl.runtime.participants import Choice, Participant, Session, SignalChoice, alone
from memhacl.stream.lsl.describe import Described
from memhacl.stream.lsl.finding import Candidate
from memhacl.stream.lsl.survey import Surveyed
from memhacl.stream.signals import StreamFormat


def seen(name: str, modality: str, channels: tuple[str, ...], unit: str, **changes: object) -> Surveyed:
    """A stream at 128 Hz on host 'lab', as surveyed."""
    found = StreamFormat(name, modality, channels, unit, 128.0)
    candidate = Candidate(
        f"uid-{name}", name, modality, modality, f"id-{name}", "lab", len(channels), 128.0, 0.0, None
    )
    return replace(Surveyed(candidate, Described(found), 128.1, 0.0), **changes)


EEG = seen("amp", "EEG", ("Cz", "Oz"), "uV")
GSR = seen("skin", "GSR", ("GSR",), "uS")
MARKERS = seen("PsychoPy", "Markers", ("m",), "unstated")
MARKERS = replace(MARKERS, candidate=replace(MARKERS.candidate, rate=0.0, text=True))
ALONE = alone("p1", ["EEG", "GSR"], {})


def found(model, session: Session, *streams: Surveyed, markers_needed: bool = False) -> dict[tuple[str, str], Use]:
    result = uses(session, model, streams, markers_needed)
    return {(use.participant, use.modality): use for use in result}


def report(model, session: Session, *streams: Surveyed) -> list[str]:
    return [line.plain for line in lines(model.card, streams, uses(session, model, streams, False))]


def test_all_that_is_needed_is_there(model) -> None:
    result = found(model, ALONE, EEG, GSR, MARKERS)
    assert [use.stream and use.stream.candidate.name for use in result.values()] == ["amp", "skin", "PsychoPy"]
    assert not any(use.problem or use.notes for use in result.values())
    assert report(model, ALONE, EEG, GSR, MARKERS)[-1] == "all fits"


def test_what_is_missing_is_named_with_what_to_do(model) -> None:
    result = found(model, ALONE, EEG)
    assert result["p1", "GSR"].problem == "expected one GSR stream, found none"
    assert not result["p1", "EEG"].problem
    *_, markers, hint, last = report(model, ALONE, EEG)
    assert markers == "  Markers   none, and none is needed"
    assert hint.startswith("what is missing: start the device's program")
    assert "KnownPeers" in hint
    assert last == "1 problem"


def test_of_a_missing_stream_that_the_model_can_spare_it_is_said(model) -> None:
    spared = replace(model, card=model.card.model_copy(update={"absent_ok": ("GSR",)}))
    result = found(spared, ALONE)
    assert result["p1", "GSR"].problem.endswith("found none; until it comes, the model predicts without")
    assert result["p1", "EEG"].problem == "expected one EEG stream, found none"


@pytest.mark.parametrize("chosen", [Choice(), Choice(name="PsychoPy")], ids=["any", "one"])
def test_markers_are_needed_only_where_somebody_asked_for_them(model, chosen: Choice) -> None:
    session = ALONE.model_copy(update={"markers": chosen})
    assert bool(found(model, session, EEG, GSR)["p1", "Markers"].problem) == chosen.selective
    assert found(model, session, EEG, GSR, markers_needed=True)["p1", "Markers"].problem
    twin = replace(MARKERS, candidate=replace(MARKERS.candidate, uid="uid-2"))
    for needed in (False, True):
        use = found(model, session, EEG, GSR, MARKERS, twin, markers_needed=needed)["p1", "Markers"]
        assert bool(use.problem) == (needed or chosen.selective)
        (said,) = use.notes or (use.problem,)
        assert "found 2: 'PsychoPy'" in said
        assert "--stream Markers=NAME" in said


def test_a_trigger_channel_is_read_as_markers_only_by_choice(model) -> None:
    trigger = seen("trigger", "Markers", ("level",), "unstated")
    assert found(model, ALONE, EEG, GSR, trigger, MARKERS)["p1", "Markers"].stream is MARKERS
    assert found(model, ALONE, EEG, GSR, trigger)["p1", "Markers"].stream is None
    chosen = ALONE.model_copy(update={"markers": Choice(name="trigger")})
    assert found(model, chosen, EEG, GSR, trigger, MARKERS)["p1", "Markers"].stream is trigger


def test_two_that_would_do_are_listed(model) -> None:
    other = seen("other", "EEG", ("Cz", "Oz"), "uV")
    problem = found(model, ALONE, EEG, GSR, other)["p1", "EEG"].problem
    assert "'amp'" in problem
    assert "'other'" in problem
    named = alone("p1", ["EEG", "GSR"], {"EEG": "oth*"})
    assert found(model, named, EEG, GSR, other)["p1", "EEG"].stream is other


def test_a_stream_that_does_not_fit_says_why(model) -> None:
    wrong = seen("skin", "GSR", ("GSR",), "degC")
    assert "expected GSR in uS, found 'degC'" in found(model, ALONE, EEG, wrong)["p1", "GSR"].problem


def test_a_stream_that_cannot_be_read_says_why_and_a_strange_one_is_noted(model) -> None:
    silent = replace(GSR, rate=None, problem="'skin': no sample came within 2 s")
    slow = replace(EEG, rate=100.0, absurd_clock=True)
    result = found(model, ALONE, slow, silent)
    assert result["p1", "GSR"].problem == "'skin': no sample came within 2 s"
    assert result["p1", "EEG"].notes == (
        "it comes at 100.0 Hz, where it says 128 Hz",
        "it does not stamp with LSL's clock: its samples are placed by their arrival",
    )
    assert not result["p1", "EEG"].problem


def test_what_would_be_assumed_is_said(model) -> None:
    bare = seen("amp", "EEG", ("EEG1", "EEG2"), "uV")
    bare = replace(bare, described=replace(bare.described, assumed=("labels",)))
    text = " ".join(found(model, ALONE, bare, GSR)["p1", "EEG"].notes)
    assert "EEG: stream 'amp' states no labels" in text
    assert "order" in text


def test_a_stream_of_another_type_needs_that_type_in_the_file(model) -> None:
    box = seen("box", "EEG", ("Cz", "Oz", "AUX 1"), "mixed")
    form = replace(box.described.format, units=("uV", "uV", "uS"))
    box = replace(box, described=replace(box.described, format=form))
    streams = {"EEG": SignalChoice(), "GSR": SignalChoice(name="box", channels={"GSR": "AUX 1"})}
    session = Session(participants=(Participant(name="anna", streams=streams),))
    assert "give 'type: EEG' in the session file" in found(model, session, box)["anna", "GSR"].problem
    streams["GSR"] = SignalChoice(type="EEG", channels={"GSR": "AUX 1"})
    session = Session(participants=(Participant(name="anna", streams=streams),))
    result = found(model, session, box)
    assert not result["anna", "GSR"].problem
    assert not result["anna", "EEG"].problem


def test_two_people_on_one_stream_are_found_out(model) -> None:
    def person(name: str, pattern: str, **channels: str) -> Participant:
        chosen = SignalChoice(name=pattern, channels=channels)
        return Participant(name=name, streams={"EEG": chosen, "GSR": SignalChoice(name=f"skin-{name}")})

    skins = [seen(f"skin-{name}", "GSR", ("GSR",), "uS") for name in ("anna", "ben")]
    both = Session(participants=(person("anna", "amp*"), person("ben", "am*")))
    result = found(model, both, EEG, *skins)
    for name in ("anna", "ben"):
        assert result[name, "EEG"].stream is None
        assert "anna's EEG stream named 'amp*'" in result[name, "EEG"].problem
        assert "ben's EEG stream named 'am*'" in result[name, "EEG"].problem
    plain = Session(participants=(person("ben", "am*"), person("anna", "amp")))
    result = found(model, plain, EEG, *skins)
    assert result["anna", "EEG"].stream is EEG
    assert result["ben", "EEG"].missing
    amplifier = seen("amp", "EEG", ("1", "2", "3", "4"), "uV")
    split = (person("anna", "amp", Cz="1", Oz="2"), person("ben", "am*", Cz="3", Oz="4"))
    assert not any(use.problem for use in found(model, Session(participants=split), amplifier, *skins).values())


def test_the_report_shows_everything_that_is_visible_and_whose_it_would_be(model) -> None:
    far = replace(GSR, offset=-1234.5)
    text = report(model, ALONE, EEG, far)
    assert text[0] == "2 visible streams"
    assert text[1].split() == "amp (EEG, 2 ch, 128 Hz) on lab measured 128.1 Hz, clock offset +0.00 ms".split()
    assert "clock offset -1234.5 s" in text[2]
    assert text[3] == "model small wants EEG in uV (Cz, Oz); GSR in uS (GSR)"
    assert text[4:7] == ["p1", "  EEG       amp  fits", "  GSR       skin  fits"]
