import numpy as np
import pytest

from memhacl.stream.errors import ConfigError, DataError
from memhacl.stream.lsl.selection import choose_modalities, parse_trials, select
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat, Trial


def signal(modality: str, rate: float, seconds: float, start: float = 0.0) -> Signal:
    data = np.arange(round(seconds * rate), dtype=np.float32)[:, None]
    return Signal(StreamFormat(modality, modality, ("a",), "uV", rate), data, start)


def trial(number: int, rest: float) -> Trial:
    return Trial(f"s{number}", rest, rest + 1.0, rest + 4.0)


CONTINUOUS = Recording(
    "p", "src", (Segment((signal("EEG", 128.0, 30.0, 0.5), signal("EOG", 10.0, 30.0, 0.5)),
                         tuple(trial(n, 5.0 * n) for n in range(1, 6))),)
)  # fmt: skip
TRIALWISE = Recording(
    "p", "src", tuple(Segment((signal("EEG", 128.0, 4.0, 7.0 * n),), (trial(n, 7.0 * n),)) for n in range(4))
)


@pytest.mark.parametrize(("text", "numbers"), [("3", {3}), ("1-3,7", {1, 2, 3, 7}), (" 2 , 4-4", {2, 4})])
def test_trial_numbers_are_read(text: str, numbers: set[int]) -> None:
    assert parse_trials(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "1-", "3-1", "0", "-2", "1,,2"])
def test_what_is_no_trial_list_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--trials"):
        parse_trials(text)


def of(*modalities: str) -> Recording:
    return Recording("p", "src", (Segment(tuple(signal(each, 10.0, 30.0) for each in modalities), ()),))


def test_every_known_modality_is_played_as_far_as_recorded() -> None:
    assert choose_modalities(CONTINUOUS, None) == ("EEG", "EOG")
    assert choose_modalities(of("EMG", "ECG", "GSR", "Temp (wrist)", ""), None) == ("GSR", "ECG", "EMG")
    with pytest.raises(DataError, match=r"expected EEG, .*, found GSR \(wrist\); say which stream"):
        choose_modalities(of("GSR (wrist)"), None)


def test_modalities_that_are_asked_for_must_be_there() -> None:
    assert choose_modalities(CONTINUOUS, ("EOG", "EEG")) == ("EOG", "EEG")
    with pytest.raises(DataError, match="expected Temp, found EEG, EOG"):
        choose_modalities(CONTINUOUS, ("EEG", "Temp"))


def test_everything_is_played_in_order_where_no_trials_are_chosen() -> None:
    pieces = select(TRIALWISE, ("EEG",))
    assert [piece.numbers for piece in pieces] == [(1,), (2,), (3,), (4,)]
    assert [piece.segment.start for piece in pieces] == [0.0, 7.0, 14.0, 21.0]


def test_chosen_trials_of_a_trialwise_source_keep_their_numbers() -> None:
    pieces = select(TRIALWISE, ("EEG",), frozenset({2, 4}))
    assert [piece.numbers for piece in pieces] == [(2,), (4,)]


def test_neighbouring_trials_of_a_continuous_session_stay_together_and_keep_their_times() -> None:
    first, second = select(CONTINUOUS, ("EEG", "EOG"), frozenset({1, 2, 4}))
    assert (first.numbers, second.numbers) == ((1, 2), (4,))
    eeg, eog = first.segment.signals
    assert (eeg.start, eog.start) == (5.0, 5.0)  # the rest before trial 1
    assert eeg.data[0, 0] == (5.0 - 0.5) * 128
    assert (eeg.end, eog.end) == (14.0, 14.0)  # the end of trial 2
    assert second.segment.signals[1].data[0, 0] == (20.0 - 0.5) * 10


def test_trials_that_are_not_there_are_refused() -> None:
    with pytest.raises(DataError, match="expected trials from 1 to 4, found 7"):
        select(TRIALWISE, ("EEG",), frozenset({1, 7, 9}))


UNEVEN = Recording("p", "src", (*CONTINUOUS.segments, *TRIALWISE.segments, *of("EOG").segments))


def test_a_modality_that_is_missing_in_a_part_is_named_with_the_time_where_it_was_asked_for() -> None:
    with pytest.raises(DataError, match="at 0 s: expected EOG, found EEG; choose with --modalities"):
        choose_modalities(UNEVEN, ("EEG", "EOG"))


def test_a_part_is_played_without_what_it_lacks_where_nothing_was_asked_for() -> None:
    pieces = select(UNEVEN, choose_modalities(UNEVEN, None))
    assert [tuple(piece.streams) for piece in pieces] == [("EEG", "EOG"), *[("EEG",)] * 4, ("EOG",)]
    with pytest.raises(DataError, match="at 0 s: expected EEG, found EOG"):  # nothing would be left of it
        select(UNEVEN, ("EEG",))
