"""Isolates every test run's LSL streams: loopback only, a session of its own, also in child processes."""

import os
import tempfile
import uuid
from pathlib import Path

from pylsl.util import set_config_content

# Writers of files in the layouts of data sets, and of a model.
pytest_plugins = [
    "plugins.one_thread",
    "plugins.xdf",
    "plugins.amigos",
    "plugins.dreamer",
    "plugins.bdf",
    "plugins.deap_original_files",
    "plugins.mahnob_files",
    "plugins.deap_files",
    "plugins.pickle_py2",
    "plugins.wesad",
    "plugins.stress_predict",
    "plugins.kalunga",
    "plugins.tolerant_file",
    "plugins.starting",
]

# IPv6 doubles the ports an outlet takes, and 16 of them (the default range) are used up by a few outlets;
# known peers find outlets where multicast is not routed; the session hides other runs on this machine.
LSL_CONFIG = f"""[ports]
IPv6=disable
PortRange=128
[multicast]
ResolveScope=machine
[lab]
KnownPeers={{127.0.0.1}}
SessionID=memhacl-test-{uuid.uuid4().hex}
[log]
level=-3
"""

# liblsl reads its configuration once, at the first call: this file is imported before any test module.
set_config_content(LSL_CONFIG)
_folder = tempfile.TemporaryDirectory(prefix="memhacl-lsl-", ignore_cleanup_errors=True)
_file = Path(_folder.name) / "lsl_api.cfg"
_file.write_text(LSL_CONFIG, encoding="utf-8")
os.environ["LSLAPICFG"] = str(_file)  # for child processes


def pytest_unconfigure() -> None:
    _folder.cleanup()
