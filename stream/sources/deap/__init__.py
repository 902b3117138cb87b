"""DEAP: the preprocessed files and the original ones."""
