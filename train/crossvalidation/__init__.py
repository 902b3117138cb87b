"""Cross-validation: every fold trained and tested as a run of its own, all measured together, one model refit."""
