"""The one tree of errors; each message names what was expected, what was found and what to do."""


class MemhaclError(Exception):
    """Any error that a user can cause and mend."""


class ConfigError(MemhaclError):
    """A setting that is unknown, out of range or at odds with another."""


class DataError(MemhaclError):
    """A file or folder that is missing, damaged or not what it should be."""


class StreamError(MemhaclError):
    """A live stream, socket or port that cannot be used."""


class ModelError(MemhaclError):
    """A model file that is missing, damaged or does not fit."""
