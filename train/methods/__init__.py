"""Learning methods behind one contract: see ``contract.py``."""
