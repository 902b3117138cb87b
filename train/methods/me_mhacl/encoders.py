"""The encoder that the settings ask for."""

from memhacl.stream.spec import SignalSpec
from memhacl.train.methods.me_mhacl.attention import AttentionEncoder
from memhacl.train.methods.me_mhacl.encoder import Encoder
from memhacl.train.methods.me_mhacl.sensors import Sensors
from memhacl.train.methods.me_mhacl.settings import NetworkSettings


def new_encoder(settings: NetworkSettings, spec: SignalSpec) -> Encoder | AttentionEncoder:
    """Return a fresh encoder (B, C, T) → (B, features) for windows of ``spec``."""
    sensors = Sensors(spec.rows, settings.modality_dropout)
    if settings.encoder == "attention":
        return AttentionEncoder(settings, spec, sensors)
    return Encoder(settings, sensors)
