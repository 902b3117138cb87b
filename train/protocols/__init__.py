"""Protocols: which rows train, which select and which test, and the proof that they share nothing."""

from memhacl.train.protocols.manifest import load_folds, save_folds
from memhacl.train.protocols.plan import everybody, fold_count, make_split, plan_folds
from memhacl.train.protocols.rules import IN_WORDS, LEAKY, MEANING, PARTS
from memhacl.train.protocols.split import Split, load_split

__all__ = [
    "IN_WORDS",
    "LEAKY",
    "MEANING",
    "PARTS",
    "Split",
    "everybody",
    "fold_count",
    "load_folds",
    "load_split",
    "make_split",
    "plan_folds",
    "save_folds",
]
