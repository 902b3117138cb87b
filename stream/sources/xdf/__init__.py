"""A laboratory's own sessions: XDF files, whose they are, and what their markers mean."""
