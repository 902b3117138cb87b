"""How to get the same numbers again: command, versions, hashes and keys."""

from memhacl.train.keys import config_hash
from memhacl.train.report.pieces import Pieces
from memhacl.train.report.words import Rows, listed


def command(pieces: Pieces) -> str:
    """Return the command that makes all of it again."""
    if pieces.many and pieces.metrics["folds"] > 1:
        return "memhacl-train crossvalidate settings.yaml --data DATA --out FOLDER"
    return "memhacl-train run settings.yaml --data DATA --out FOLDER"


def rows(pieces: Pieces) -> Rows:
    """Say what must be the same."""
    found = [("Settings", f"sha256 {config_hash(pieces.config)}")]
    manifest = pieces.manifest
    if manifest is not None:
        found.append(("Data (DATA)", f"{manifest.source}; sha256 of its content {manifest.fingerprint}"))
    last = list(pieces.stages.values())[-1:]
    found += [("Versions", listed(f"{name} {which}" for name, which in stage.versions.items())) for stage in last]
    found.append(("Same to the bit", "on a CPU with the same number of threads; elsewhere to rounding"))
    return found
