"""Simulated people: signals and ratings by formulas, in memory or as files in DEAP's layout."""
