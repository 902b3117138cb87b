"""Signals in time: sources, LSL and the one path that turns them into windows."""
