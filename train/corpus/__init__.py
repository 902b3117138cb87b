"""Recordings → the corpus: windows on disk with what is known of each, their labels and scaling."""
