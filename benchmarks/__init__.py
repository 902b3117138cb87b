"""The measured claims, as commands that print a table, and the demo."""
