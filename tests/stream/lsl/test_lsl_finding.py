from dataclasses import replace

import pytest

from memhacl.stream.errors import StreamError
from memhacl.stream.lsl.finding import Candidate, Wanted, choose, find, find_all, successor
from memhacl.stream.lsl.outlet import SignalOutlet
from memhacl.stream.signals import StreamFormat


def outlet(name: str, modality: str, source_id: str = "") -> SignalOutlet:
    return SignalOutlet(StreamFormat(name, modality, ("a",), "uV", 100.0), source_id=source_id)


def candidate(
    uid: str, name: str = "amp", source_id: str = "", host: str = "here", created: float = 0.0
) -> Candidate:
    return Candidate(uid, name, "EEG", "EEG", source_id, host, 1, 100.0, created, None)


def test_streams_are_found_by_type_and_two_of_one_type_are_named() -> None:
    first, second, other = outlet("amp-one", "EEG"), outlet("amp-two", "eeg"), outlet("skin", "EDA")
    found = find_all([Wanted("GSR"), Wanted("EEG", name="amp-two")], within=5.0)
    assert {wish.modality: stream.name for wish, stream in found.items()} == {"GSR": "skin", "EEG": "amp-two"}
    with pytest.raises(StreamError, match=r"expected one EEG stream, found 2: 'amp-one'.*'amp-two'"):
        find(Wanted("EEG"), within=5.0)
    for each in (first, second, other):
        each.close()


def test_a_missing_stream_is_an_error_that_names_what_is_there() -> None:
    there = outlet("skin", "GSR")
    with pytest.raises(
        StreamError, match=r"Temp stream: not found within 0.1 s; visible streams: 'skin'.*KnownPeers"
    ):
        find(Wanted("Temp"), within=0.1)
    there.close()


def test_a_lost_stream_is_followed_to_itself_before_all() -> None:
    again = candidate("1")
    assert successor(Wanted("EEG"), candidate("1"), [candidate("2", created=9.0), again]) is again


def test_a_lost_stream_is_followed_to_the_newest_outlet_of_its_source() -> None:
    lost = candidate("1", source_id="serial 7")
    old, new = (candidate(uid, source_id="serial 7", created=made) for uid, made in (("2", 1.0), ("3", 2.0)))
    unnamed = candidate("4", created=9.0)
    assert successor(Wanted("EEG"), lost, [unnamed, new, old]) is new


def test_a_source_that_every_device_of_a_kind_names_is_followed_on_its_own_host() -> None:
    """Once the newest on any host was taken, by clocks that count from each host's boot."""
    lost = candidate("1", source_id="openbci", created=1000.0)
    again = candidate("2", source_id="openbci", created=1200.0)
    bens = candidate("3", source_id="openbci", host="there", created=90000.0)
    carls = candidate("4", source_id="openbci", host="elsewhere", created=5.0)
    assert successor(Wanted("EEG"), lost, [bens, again], heard=1190.0) is again
    assert successor(Wanted("EEG"), lost, [bens, candidate("5", created=1200.0)], heard=1190.0).host == "here"
    assert successor(Wanted("EEG"), lost, [bens], heard=1190.0) is bens  # one device, moved to another machine
    assert successor(Wanted("EEG"), lost, [bens, carls], heard=1190.0) is None


def test_without_its_source_id_the_same_host_counts() -> None:
    old, new = candidate("2", created=1.0), candidate("3", source_id="other", created=2.0)
    assert successor(Wanted("EEG"), candidate("1"), [new, old]) is new


def test_another_hosts_stream_of_the_same_name_is_somebody_elses() -> None:
    others = [candidate("2", host="there"), candidate("3", name="other")]
    assert successor(Wanted("EEG"), candidate("1"), others) is None


def test_a_neighbour_with_its_own_source_is_no_successor_unless_made_since() -> None:
    lost = candidate("1", source_id="anna")
    before, since = candidate("2", source_id="b", created=4.0), candidate("3", source_id="c", created=6.0)
    assert successor(Wanted("EEG"), lost, [before], heard=5.0) is None
    assert successor(Wanted("EEG"), lost, [before, since], heard=5.0) is since
    assert successor(Wanted("EEG", source_id="anna*"), lost, [since], heard=5.0) is None


@pytest.mark.parametrize(
    ("wish", "fits"),
    [
        (Wanted("EEG"), True),
        (Wanted("GSR"), False),
        (Wanted("EEG", name="act*"), True),
        (Wanted("EEG", name="Act*"), False),
        (Wanted("EEG", name="actiCHamp [left]"), True),
        (Wanted("EEG", source_id="serial-?"), True),
        (Wanted("EEG", source_id="serial-[8-9]"), False),
        (Wanted("EEG", host="lab-*", name="x"), False),
        (Wanted("GSR", type="eeg"), False),
        (Wanted("GSR", type="EEG"), True),
    ],
)
def test_wishes_are_patterns(wish: Wanted, fits: bool) -> None:
    found = candidate("1", name="actiCHamp [left]", source_id="serial-7", host="lab-3")
    assert wish.fits(found) is fits


def test_what_a_rival_names_plainly_is_the_rivals() -> None:
    anna, ben = Wanted("EEG", name="amp-anna", owner="anna"), Wanted("EEG", name="amp-*", owner="ben")
    bens, annas = replace(ben, rivals=(anna,)), replace(anna, rivals=(ben,))
    hers, his = candidate("1", name="amp-anna"), candidate("2", name="amp-ben")
    assert choose(bens, [hers]) is None
    assert choose(bens, [hers, his]) is his
    assert choose(annas, [hers, his]) is hers
    assert successor(bens, his, [hers]) is None
    assert choose(replace(bens, rivals=(replace(anna, host="elsewhere"),)), [hers]) is hers


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (Wanted("EEG", name="am*", owner="ben"), Wanted("EEG", name="*amp", owner="anna")),
        (Wanted("EEG", name="amp", owner="ben"), Wanted("EEG", source_id="7", owner="anna")),
        (Wanted("EEG", owner="ben"), Wanted("GSR", name="a*", type="EEG", owner="anna")),
    ],
    ids=["patterns", "words", "another modality"],
)
def test_what_may_as_well_be_a_rivals_is_nobodys_whoever_looks_first(mine: Wanted, theirs: Wanted) -> None:
    found = candidate("1", source_id="7")
    for one, other in ((mine, theirs), (theirs, mine)):
        wish = replace(one, rivals=(other,))
        with pytest.raises(
            StreamError, match=rf"found 'amp'.*fits {one.owner}'s .* and {other.owner}'s"
        ) as problem:
            choose(wish, [found])
        assert "\n" not in str(problem.value)
        assert successor(wish, candidate("0", source_id="7"), [found]) is None


def test_a_trigger_channel_is_no_marker_stream_unless_it_is_chosen() -> None:
    levels = replace(candidate("1"), modality="Markers", rate=1000.0)
    assert not Wanted("Markers", events=True).fits(levels)
    assert Wanted("Markers").fits(levels)
    assert Wanted("Markers", events=True).fits(replace(levels, rate=0.0))
    assert Wanted("Markers", events=True).fits(replace(levels, text=True))


def test_a_wish_says_what_it_asks_for() -> None:
    assert str(Wanted("GSR", "amp", "lab-*", "7", "EEG")) == (
        "GSR stream named 'amp' on host 'lab-*' of source_id '7' of type 'EEG'"
    )
