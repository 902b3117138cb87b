"""Training that starts from a model: what is taken over, what must fit, what it has seen."""
