"""Recorded and simulated people as recordings."""
