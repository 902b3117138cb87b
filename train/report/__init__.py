"""The page that says what a run, or a cross-validation, is worth: one file, readable without a network."""

from memhacl.train.report.page import write_report

__all__ = ["write_report"]
