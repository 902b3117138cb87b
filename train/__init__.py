"""From recordings to an evaluated run; the only package, with export.graph, that imports torch."""
