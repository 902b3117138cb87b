"""What a source of recordings holds, person by person: the facts that `memhacl-train inspect` shows."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from memhacl.stream.errors import MemhaclError, StreamError
from memhacl.stream.path.match import match
from memhacl.stream.signals import Recording, Segment, StreamFormat, Trial
from memhacl.stream.sources.registry import Source
from memhacl.train.config import Config
from memhacl.train.corpus.cutter import digest
from memhacl.train.corpus.labels import targets_of
from memhacl.train.corpus.parallel import over_people
from memhacl.train.corpus.trials import Trials, tabulate
from memhacl.train.progress import Bar


@dataclass(frozen=True)
class Sight:
    """One person's recordings: formats with the seconds of each, trials with the digest of each, what is odd.

    ``doubled`` are modalities of which a part of the recording has several streams. ``problem`` says why they
    cannot be read, and is empty where they can.
    """

    person: str
    problem: str = ""
    simulated: bool = False
    formats: tuple[tuple[StreamFormat, float], ...] = ()
    trials: tuple[Trial, ...] = ()
    digests: tuple[str, ...] = ()
    scales: Mapping[str, tuple[float, float]] | None = None
    excluded: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()
    doubled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Look:
    """Looks at people of ``source``; it can be sent to another process."""

    source: Source

    def __call__(self, person: str) -> Sight:
        """Open one person's recording and return what it holds."""
        try:
            recording = self.source.open(person)
        except MemhaclError as problem:
            return Sight(person, str(problem))
        pairs = [(recording.segments[number], trial) for number, trial in recording.trials()]
        return Sight(
            person,
            simulated=recording.simulated,
            formats=_formats(recording),
            trials=tuple(trial for _, trial in pairs),
            digests=tuple(digest(segment, trial, _known(segment)) for segment, trial in pairs),
            scales=recording.scales,
            excluded=recording.excluded,
            notes=recording.notes,
            doubled=frozenset(_doubled(recording)),
        )


def _doubled(recording: Recording) -> Iterator[str]:
    for segment in recording.segments:
        counts = Counter(signal.format.modality for signal in segment.signals)
        yield from (modality for modality, count in counts.items() if count > 1)


def _formats(recording: Recording) -> tuple[tuple[StreamFormat, float], ...]:
    seconds: dict[StreamFormat, float] = defaultdict(float)
    for segment in recording.segments:
        for signal in segment.signals:
            seconds[signal.format] += signal.end - signal.start
    return tuple(seconds.items())


def _known(segment: Segment) -> tuple[str, ...]:
    return tuple(signal.format.modality for signal in segment.signals)


@dataclass(frozen=True)
class Survey:
    """Everybody of a source: ``sights`` of those who could be read, ``unreadable`` person -> why."""

    name: str
    sights: tuple[Sight, ...]
    unreadable: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def stimuli(self) -> tuple[str, ...]:
        """Names of all stimuli, in the order in which they come up."""
        return tuple(dict.fromkeys(trial.stimulus for sight in self.sights for trial in sight.trials))

    @property
    def trials(self) -> Trials:
        """All trials as columns."""
        place = {stimulus: number for number, stimulus in enumerate(self.stimuli)}
        return tabulate(
            (number, place[trial.stimulus], trial)
            for number, sight in enumerate(self.sights)
            for trial in sight.trials
        )

    @property
    def scales(self) -> dict[str, tuple[float, float]]:
        """Range of each scale whose range is known."""
        return {scale: span for sight in self.sights for scale, span in (sight.scales or {}).items()}

    @property
    def signals(self) -> dict[StreamFormat, int]:
        """Each format of a stream with the number of people who have it."""
        return dict(Counter(form for sight in self.sights for form, _ in sight.formats))

    @property
    def odd(self) -> tuple[str, ...]:
        """Sentences on what is missing or odd."""
        said = [*self.notes, *(note for sight in self.sights for note in sight.notes)]
        said += [f"{person} cannot be read: {problem}" for person, problem in self.unreadable.items()]
        excluded: Counter[str] = Counter()
        for sight in self.sights:
            excluded.update(sight.excluded or {})
        said += [f"trials left out: {count} {reason}" for reason, count in sorted(excluded.items())]
        return tuple(dict.fromkeys([*said, *self._uneven(), *self._copies()]))

    def _uneven(self) -> list[str]:
        saw = {sight.person: len({trial.stimulus for trial in sight.trials}) for sight in self.sights}
        every = len(self.stimuli)
        few = [f"{person} {count}" for person, count in saw.items() if count < every]
        some = ", ".join(few[:12]) + (", ..." if len(few) > 12 else "")
        return [f"{len(few)} of {len(saw)} people saw fewer than all {every} stimuli: {some}"] if few else []

    def _copies(self) -> list[str]:
        found: dict[str, list[str]] = defaultdict(list)
        for sight in self.sights:
            for trial, mark in zip(sight.trials, sight.digests, strict=True):
                if mark:
                    found[mark].append(f"{sight.person} in {trial.stimulus}")
        copies = [places for places in found.values() if len(places) > 1]
        if not copies:
            return []
        return [f"{len(copies)} trials are there more than once, sample by sample: {' = '.join(copies[0])}"]


@dataclass(frozen=True)
class Fit:
    """How many people a config fits, and why it does not fit the first whom it does not (or the labels)."""

    config: str
    people: int
    reason: str = ""


def look_at(source: Source, bar: Bar, workers: int = 0) -> Survey:
    """Open everybody of ``source``, several at once, and return what is there."""
    bar.start(len(source.people))
    sights: dict[str, Sight] = {}
    for person, sight in over_people(Look(source), source.people, 1 if source.one_file else workers):
        sights[person] = sight
        bar.step(person)
    ordered = [sights[person] for person in source.people]
    readable = tuple(sight for sight in ordered if not sight.problem)
    return Survey(source.name, readable, {s.person: s.problem for s in ordered if s.problem}, source.notes)


def fits(survey: Survey, config: Config) -> Fit:
    """Say whom the montage of ``config`` fits, and whether the data of those tell its labels."""
    reasons = {sight.person: _unfit(sight, config) for sight in survey.sights}
    fitting = tuple(sight for sight in survey.sights if not reasons[sight.person])
    why = next((reason for reason in reasons.values() if reason), "")
    if not fitting:
        return Fit(config.name, 0, why or "nobody can be read")
    problem = _apart(fitting, config)
    if not problem:
        try:
            some = Survey(survey.name, fitting, {}, ())
            targets_of(some.trials, some.scales, config.labels)
        except MemhaclError as said:
            problem = str(said)
    return Fit(config.name, 0, problem) if problem else Fit(config.name, len(fitting), why)


def _unfit(sight: Sight, config: Config) -> str:
    """Return why ``config`` does not fit a person, "" if it does."""
    there: dict[str, StreamFormat] = {}
    for form, _ in sight.formats:
        there.setdefault(form.modality, form)
    for modality in config.spec.modalities:
        if modality.modality not in there:
            return f"{sight.person} has no {modality.modality}"
        if modality.modality in sight.doubled:
            return f"{sight.person} has several streams of {modality.modality}: choose by a data file's 'streams'"
        try:
            match(modality, there[modality.modality])
        except StreamError as problem:
            return str(problem).rpartition("; ")[0]  # without the advice, which is for who streams
    longest = max((trial.end - trial.onset for trial in sight.trials), default=0.0) - config.trials.rest_within
    if sight.trials and longest < config.spec.window:
        return f"{sight.person}'s trials last {max(longest, 0):.3g} s at most, a window {config.spec.window:g} s"
    return ""


def _apart(sights: tuple[Sight, ...], config: Config) -> str:
    """Say what must be prepared apart: people who were treated differently, or rate on other ranges."""
    for modality in config.spec.modalities:
        found = {
            form.already_done
            for sight in sights
            for form, _ in sight.formats
            if form.modality == modality.modality
        }
        if len(found) > 1:
            words = " and ".join(sorted(", ".join(done) or "nothing" for done in found))
            return f"people differ in what was done to {modality.modality} ({words}): prepare them apart"
    spans = {(scale, span) for sight in sights for scale, span in (sight.scales or {}).items()}
    scales = [scale for scale, _ in spans]
    doubled = next((scale for scale in scales if scales.count(scale) > 1), None)
    return f"people rate {doubled} on different ranges: prepare them apart" if doubled else ""
