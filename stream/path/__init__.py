"""The signal path: stamped samples in, conditioned and aligned windows out; the same code offline and live."""
