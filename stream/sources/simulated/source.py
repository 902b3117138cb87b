"""Simulated people as a source of recordings: raw streams in one session, or DEAP's processed trials."""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from memhacl.stream.errors import DataError
from memhacl.stream.signals import Recording, Segment, Signal, StreamFormat, Trial
from memhacl.stream.sources.deap import layout as deap_layout
from memhacl.stream.sources.deap.layout import RANGES, SCALES
from memhacl.stream.sources.simulated.body import BODY, muscle
from memhacl.stream.sources.simulated.eeg import eeg, eog, processed_as_deap
from memhacl.stream.sources.simulated.latents import feeling
from memhacl.stream.sources.simulated.noise import Floats, Piece
from memhacl.stream.sources.simulated.people import PARTS, PERSON, People, SimulatedStream

VERSION: Final = 1  # of the formulas: raise it when the same settings begin to give other signals
NAME: Final = "simulated people"
PAUSE: Final = 4.0  # s between one trial's end and the next one's rest, in a raw session
FADE: Final = 2.0  # s in the middle of a pause in which one trial's background passes into the next one's
LEAD: Final = (PAUSE + FADE) / 2
EYES_LEFT: Final = 0.1  # of the eyes' artefact is left in EEG after DEAP's EOG removal
# Sensors have steps. They are powers of two, exact in float32; rounding to them also hides the last bits in which
# machines' mathematics differ, so that the same settings give the same bytes.
STEPS: Final = {
    "uV": 2.0**-5,
    "mV": 2.0**-14,
    "uS": 2.0**-12,
    "ohm": 1.0,
    "degC": 2.0**-10,
    "a.u.": 2.0**-4,
    "arbitrary": 2.0**-10,
}


class SimulatedSource:
    """Simulated people in memory; the same settings give the same recordings everywhere."""

    one_file = False
    notes: tuple[str, ...] = ()

    def __init__(self, settings: People) -> None:
        self.settings = settings

    @property
    def name(self) -> str:
        """What the source is, in words."""
        return NAME

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people."""
        return self.settings.person_names

    def open(self, person: str) -> Recording:
        """Simulate one person's session; every trial carries its planted latents.

        Raises
        ------
        DataError
            There is no such person.
        """
        if person not in self.people:
            raise DataError(
                f"{NAME}: expected a person of {self.people[0]} to {self.people[-1]}, found '{person}'"
            )
        index = self.people.index(person)
        if self.settings.layout == "deap":
            return _deap_recording(self.settings, index)
        return Recording(person, NAME, (_session(self.settings, index),), simulated=True, scales=RANGES)

    def fingerprint(self) -> str:
        """Return the sha256 of the settings and of the formulas' version, as hex."""
        text = f"memhacl.simulated/{VERSION} {self.settings.model_dump_json()}"
        return hashlib.sha256(text.encode()).hexdigest()


def deap_shape(people: People) -> deap_layout.Shape:
    """Return the shape that the people's DEAP files have."""
    return deap_layout.Shape(people.stimuli, people.rest, people.seconds)


def planted(people: People, person: int) -> list[dict[str, float]]:
    """Return the planted latents of each of a person's trials, in the order of the stimuli."""
    return [feeling(people, person, stimulus).planted for stimulus in range(people.stimuli)]


def deap_arrays(people: People, person: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return one person's DEAP arrays: data (trials, channels, samples) and labels (trials, 4)."""
    shape = deap_shape(people)
    data = np.empty(shape.data, dtype=np.float32)
    labels = np.empty(shape.labels)
    for stimulus in range(people.stimuli):
        piece = Piece(people, person, stimulus)
        # each (samples, channels), in the order of the file's channels
        parts = [_stream(piece, stream, processed=True) for stream in people.streams]
        data[stimulus] = np.concatenate(parts, axis=1).T  # (channels, samples)
        ratings = feeling(people, person, stimulus).ratings
        labels[stimulus] = [ratings[scale] for scale in SCALES]
    return data, labels


def _deap_recording(people: People, person: int) -> Recording:
    data, labels = deap_arrays(people, person)
    name = people.person_names[person]
    return deap_layout.recording(name, NAME, data, labels, deap_shape(people), planted(people, person))


def _stream(piece: Piece, stream: SimulatedStream, processed: bool) -> Floats:
    """Return one trial of one stream in its unit, (samples, channels), in the sensor's steps."""
    if stream.modality == "EEG":
        wave = eeg(piece, stream.channels, stream.rate, EYES_LEFT if processed else 1.0)
        wave = processed_as_deap(wave, stream.rate) if processed else wave
    elif stream.modality == "EOG":
        wave = eog(piece, stream.channels, stream.rate)
    elif stream.modality == "EMG":
        wave = muscle(piece, len(stream.channels), stream.rate)
    else:
        wave = np.repeat(BODY[stream.modality](piece, stream.rate)[:, None], len(stream.channels), axis=1)
    step = STEPS[stream.unit]
    stepped: Floats = np.round(_in_unit(piece, stream, wave) / step) * step
    return stepped


def _offsets(piece: Piece, stream: SimulatedStream) -> Floats:
    """Return the electrodes' constant voltages in the stream's unit, (channels,), which only raw EEG has."""
    if stream.modality != "EEG":
        return np.zeros(len(stream.channels))
    random = piece.people.random(PERSON, piece.person, part="unit")
    return _in_unit(piece, stream, 30 * random.standard_normal(len(stream.channels)))


def _in_unit(piece: Piece, stream: SimulatedStream, wave: Floats) -> Floats:
    """Convert from the modality's natural unit to the stream's."""
    if stream.unit == "ohm":
        return 1e6 / wave
    if stream.unit == "mV":
        return wave / 1000
    if stream.unit == "arbitrary":  # an amplifier of unknown gain, another one for each person
        random = piece.people.random(PERSON, piece.person, PARTS[stream.modality], part="unit")
        gained: Floats = wave * np.exp(0.5 * random.standard_normal())
        return gained
    return wave


def _session(people: People, person: int) -> Segment:
    """Simulate one continuous session; the stimuli come in an order of the person's own."""
    order = people.random(PERSON, person, part="order").permutation(people.stimuli)
    pieces = [Piece(people, person, int(stimulus), LEAD, LEAD) for stimulus in order]
    signals = tuple(_continuous(pieces, stream) for stream in people.streams)
    spacing = people.rest + people.seconds + PAUSE
    trials = tuple(_trial(piece, number * spacing) for number, piece in enumerate(pieces))
    return Segment(signals, trials)


def _trial(piece: Piece, start: float) -> Trial:
    people = piece.people
    felt = feeling(people, piece.person, piece.stimulus)
    onset = start + piece.onset
    name = people.stimulus_names[piece.stimulus]
    return Trial(name, start + LEAD, onset, onset + people.seconds, felt.ratings, felt.planted)


def _continuous(pieces: list[Piece], stream: SimulatedStream) -> Signal:
    """Join a stream's trials into one signal: within a pause each fades into the next.

    Noise adds by power and levels add by value, hence two ways of weighing the fade.
    """
    fade = round(FADE * stream.rate)
    phase = (np.arange(fade) + 0.5) / fade * np.pi / 2
    rising = np.sin(phase) if stream.modality in ("EEG", "EOG", "EMG") else np.sin(phase) ** 2
    step = pieces[0].samples(stream.rate) - fade
    joined = np.zeros((step * len(pieces) + fade, len(stream.channels)))
    for number, piece in enumerate(pieces):
        wave = _stream(piece, stream, processed=False)
        if number > 0:
            wave[:fade] *= rising[:, None]
        if number < len(pieces) - 1:
            wave[-fade:] *= rising[::-1, None]
        joined[number * step : number * step + len(wave)] += wave
    joined += _offsets(pieces[0], stream)
    step_size = STEPS[stream.unit]
    form = StreamFormat(f"simulated {stream.modality}", stream.modality, stream.channels, stream.unit, stream.rate)
    return Signal(form, (np.round(joined / step_size) * step_size).astype(np.float32), 0.0)
