"""An encoder that starts from one of other signals does what that one does where the rest is silent or absent."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from memhacl.stream.errors import ConfigError
from memhacl.stream.spec import Conditioning, ModalitySpec, SignalSpec
from memhacl.train.methods.contract import Method
from memhacl.train.methods.me_mhacl.settings import BOUND, NetworkSettings
from memhacl.train.methods.registry import build_method, methods

EEG, GSR, RESP = ("Fz", "Cz", "Pz", "Oz"), ("GSR",), ("Resp",)
SMALL = {"width": 0.0625, "encoder": "attention"}


def signals(**modalities: tuple[str, ...]) -> SignalSpec:
    """Signals of some modalities and channels, in this order, at 64 Hz."""
    units = {"EEG": "uV", "GSR": "uS", "Resp": "a.u."}
    return SignalSpec(
        modalities=tuple(ModalitySpec(modality=m, channels=c, unit=units[m]) for m, c in modalities.items()),
        rate=64.0,
    )


FULL = signals(EEG=EEG, GSR=GSR, Resp=RESP)


def trained(settings: dict[str, Any]) -> nn.Module:
    """An encoder for FULL whose batch norm statistics are not those of the beginning."""
    torch.manual_seed(1)
    encoder = build_method("supervised", settings, FULL).encoder()
    for _ in range(3):
        encoder(2 * torch.randn(16, *FULL.shape) + 1)
    return encoder.eval()


def grown(method: Method, weights: dict[str, Tensor]) -> nn.Module:
    """The encoder of ``method`` that starts from ``weights`` of one for FULL."""
    encoder = method.encoder()
    encoder.load_state_dict(method.inherit(weights, FULL))
    return encoder.eval()


def test_fewer_channels_are_the_model_with_the_others_silent() -> None:
    encoder, windows = trained(SMALL), torch.randn(4, *FULL.shape)
    windows[:, [0, 3]] = 0.0
    less = build_method("supervised", SMALL, signals(EEG=("Pz", "Cz"), GSR=GSR, Resp=RESP))
    with torch.inference_mode():
        found = grown(less, encoder.state_dict())(windows[:, [2, 1, 4, 5]])
        torch.testing.assert_close(found, encoder(windows), rtol=1e-4, atol=1e-5)


def test_fewer_modalities_in_another_order_are_the_model_with_the_others_absent() -> None:
    encoder, windows = trained(SMALL), torch.randn(4, *FULL.shape)
    windows[:, 4] = torch.nan  # GSR
    less = build_method("supervised", SMALL, signals(Resp=RESP, EEG=EEG))
    with torch.inference_mode():
        found = grown(less, encoder.state_dict())(windows[:, [5, 0, 1, 2, 3]])
        torch.testing.assert_close(found, encoder(windows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (
            {"EEG": ("Fz", "FC1", "FC2")},
            "model of EEG channels Fz, Cz, Pz, Oz: expected no others, found FC1, FC2; ",
        ),
        ({"EEG": EEG, "BVP": ("BVP",)}, "model of EEG, GSR, Resp: expected no others, found BVP; leave it out"),
    ],
)
def test_what_attention_has_not_learnt_is_named(other: dict[str, tuple[str, ...]], complaint: str) -> None:
    spec = SignalSpec(
        modalities=tuple(ModalitySpec(modality=m, channels=c, unit="a.u.") for m, c in other.items()), rate=64.0
    )
    with pytest.raises(ConfigError, match=complaint):
        build_method("supervised", SMALL, spec).inherit(trained(SMALL).state_dict(), FULL)


def test_a_filter_that_takes_away_the_level_the_model_learnt_from_is_named() -> None:
    filtered = FULL.model_copy(
        update={
            "modalities": tuple(
                m.model_copy(update={"conditioning": Conditioning(band=(4.0, 30.0))}) if m.modality == "EEG" else m
                for m in FULL.modalities
            )
        }
    )
    with pytest.raises(
        ConfigError, match=r"conditioning.band of EEG as in the model .*\(None\), found \(4.0, 30.0\)"
    ):
        build_method("supervised", SMALL, filtered).inherit(trained(SMALL).state_dict(), FULL)


def test_the_papers_encoder_takes_any_channels_with_all_its_weights() -> None:
    settings = SMALL | {"encoder": "resnet18-1d"}
    weights = trained(settings).state_dict()
    other = build_method("supervised", settings, signals(GSR=GSR, EEG=("A1", "B2")))
    state = grown(other, weights).state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in weights.items())


def test_a_method_that_does_not_say_how_keeps_to_the_models_channels() -> None:
    class Plain(methods["supervised"]):  # type: ignore[misc]
        inherit = Method.inherit

    weights = trained(SMALL).state_dict()
    assert Plain(NetworkSettings(), FULL).inherit(weights, FULL) == weights
    with pytest.raises(ConfigError, match="needs the model's channels"):
        Plain(NetworkSettings(), signals(EEG=EEG)).inherit(weights, FULL)


def test_every_setting_of_the_networks_is_the_models_or_for_training_alone() -> None:
    assert set(NetworkSettings.model_fields) - set(BOUND) == {"dropout", "modality_dropout"}
