"""From a corpus's index to splits: at random by a share of the units, or fold by fold."""

from memhacl.stream.errors import ConfigError, DataError
from memhacl.train.config import ProtocolConfig
from memhacl.train.corpus.store import Corpus
from memhacl.train.protocols.rules import PARTS, PROTOCOLS
from memhacl.train.protocols.split import Drawn, Split, assemble
from memhacl.train.protocols.units import Units, spread, units_of


def make_split(corpus: Corpus, config: ProtocolConfig) -> Split:
    """Divide the rows of ``corpus`` by units, as ``config`` says: at random, or with fold ``fold`` as the test.

    The same seed gives the same split on every machine, in whatever order the rows lie.

    Raises
    ------
    DataError
        There are too few units for three parts.
    ConfigError
        There is no such fold.
    """
    count = fold_count(corpus, config)
    if count and config.fold >= count:
        raise ConfigError(f"protocol.fold: expected one out of 0 to {count - 1}, found {config.fold}")
    return _split(corpus, config, count, config.fold)


def plan_folds(corpus: Corpus, config: ProtocolConfig) -> tuple[Split, ...]:
    """All folds of the protocol, in their order; the one split of a protocol without folds.

    Every unit tests in one fold. Under 'subject+stimulus' fold f tests the f-th group of people on the f-th group
    of stimuli, so that of all pairs of a person and a stimulus one in ``folds`` is tested.

    Raises
    ------
    DataError
        There are too few units.
    """
    count = fold_count(corpus, config)
    return tuple(_split(corpus, config, count, fold) for fold in range(max(count, 1)))


def everybody(corpus: Corpus, config: ProtocolConfig) -> Split:
    """All rows, to train on: none of them selects and none tests.

    It is for the model that is to be used, after folds have said how long to train and what that is worth.
    """
    drawn: dict[str, Drawn] = {
        kind: {"train": tuple(sorted(units_of(corpus, kind).names)), "validation": (), "test": ()}
        for kind in PROTOCOLS[config.name].draws
    }
    return assemble(corpus, config.name, config.seed, 0, drawn)


def fold_count(corpus: Corpus, config: ProtocolConfig) -> int:
    """Return how many folds there are, 0 for none; 'each' leaves one unit out, of each person's trials one.

    Where two kinds are drawn it is the number of units of the kind that has fewer.
    """
    if config.folds != "each":
        return config.folds
    return min(units_of(corpus, kind).largest_group for kind in PROTOCOLS[config.name].draws)


def _split(corpus: Corpus, config: ProtocolConfig, count: int, fold: int) -> Split:
    drawn = {}
    for kind in PROTOCOLS[config.name].draws:
        units = units_of(corpus, kind)
        _enough(units, config)
        drawn[kind] = _parts(units, _tested(units, config, count, fold), config, fold)
    return assemble(corpus, config.name, config.seed, fold, drawn)


def _enough(units: Units, config: ProtocolConfig) -> None:
    if len(units.names) < len(PARTS):
        raise DataError(
            f"protocol '{config.name}': expected at least 3 units of kind '{units.kind}' to train, select and "
            f"test on, found {len(units.names)}; use more data or another protocol.name"
        )


def _tested(units: Units, config: ProtocolConfig, count: int, fold: int) -> list[str]:
    """Names of the units that test; dealt like cards, so that folds differ by one unit at most."""
    names, there = units.shuffled(config.seed), len(units.names)
    if not count:
        return spread(names, max(1, min(round(config.test * there), there - 2)))
    if count > there:
        raise DataError(
            f"protocol.folds: expected as many as there are units of kind '{units.kind}' or fewer ({there}), "
            f"found {count}"
        )
    tested = names[fold::count]
    if len(tested) > there - 2:  # made smaller, some units would be tested in no fold
        raise DataError(
            f"protocol.folds: fold {fold} of {count} would test {len(tested)} of {there} units of kind "
            f"'{units.kind}', and none is left to train or select on; use more folds or more data"
        )
    return tested


def _parts(units: Units, tested: list[str], config: ProtocolConfig, fold: int) -> Drawn:
    """Names by part: of those that do not test, a share of all validates, drawn anew in every fold."""
    left = units.only(set(units.names) - set(tested)).shuffled(config.seed, "validation", fold)
    wanted = round(config.validation * len(units.names))
    validation = spread(left, max(1, min(wanted, len(left) - 1)))
    train = set(left) - set(validation)
    return {
        "train": tuple(sorted(train)),
        "validation": tuple(sorted(validation)),
        "test": tuple(sorted(tested)),
    }
