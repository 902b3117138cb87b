"""The paper's experiments: which trainings each takes, and our numbers beside the paper's."""
