"""Descriptions of sparse dictionaries and of their training."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.interpretability.sae import (
    SAEConfig,
    TrainingConfig,
)


def test_a_config_survives_json_and_says_what_was_left_open():
    config = SAEConfig(8, 32, "jumprelu", sites=("layers.3.resid_post",), model="some", fingerprint="ab12")
    assert SAEConfig.from_json(json.loads(json.dumps(config.json()))) == config
    assert (config.decoder_bias_on_input, config.tied_start, config.decoder_norm) == (True, True, "unit")
    training = TrainingConfig(steps=7, betas=(0.8, 0.99))
    assert TrainingConfig.from_json(json.loads(json.dumps(training.json()))) == training
    coder = SAEConfig(8, 32, kind="transcoder", k=2, d_out=4)
    assert (coder.decoder_bias_on_input, coder.tied_start, coder.width_out) == (False, False, 4)
    assert SAEConfig(8, 32, "standard", kind="crosscoder", layers=3).decoder_norm == "free"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "topk"}, "needs k"),
        ({"architecture": "standard", "k": 3}, "takes no k"),
        ({"architecture": "topk", "k": 33}, "k must be from 1 to d_sae"),
        ({"architecture": "top-k", "k": 3}, "did you mean 'topk'"),
        ({"architecture": "standard", "layers": 2}, "only a crosscoder"),
        ({"architecture": "standard", "d_out": 2}, "only a transcoder"),
        ({"architecture": "standard", "kind": "transcoder", "normalisation": "layer_norm"}, "cannot be undone"),
        ({"architecture": "standard", "kind": "transcoder", "tied_start": True}, "different sites"),
    ],
)
def test_configs_that_make_no_sense_are_refused(changes, said):
    with pytest.raises(UserError, match=said):
        SAEConfig(8, 32, **changes)


def test_a_config_refuses_unknown_and_missing_fields():
    with pytest.raises(UnknownNameError, match="d_sea"):
        SAEConfig.from_json({"d_in": 3, "d_sea": 4})
    with pytest.raises(ConfigError, match="lacks d_sae"):
        SAEConfig.from_json({"d_in": 3})
    with pytest.raises(ConfigError, match="learning_rate must be above 0"):
        TrainingConfig(learning_rate=0)


def test_the_schedules_rise_stay_and_fall():
    training = TrainingConfig(steps=100, learning_rate=1.0, warm_up=10, decay=0.2, sparsity=2.0, sparsity_warm_up=4)
    assert [training.rate(step) for step in (0, 9, 50, 79)] == [0.1, 1, 1, 1]
    assert training.rate(90) == pytest.approx(0.5)
    assert training.rate(99) == pytest.approx(0.05)
    assert [training.penalty(step) for step in (0, 3, 99)] == [0.5, 2, 2]


def test_the_face_loads_nothing_heavy_and_has_every_name():
    code = (
        "import sys, sdialog.interpretability.sae as sae\n"
        "assert not {'torch', 'numpy', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "sae.SAEConfig(4, 8, 'standard')\n"
        "assert not {'torch', 'numpy', 'scipy'} & set(sys.modules)\n"
        "assert all(getattr(sae, name) is not None for name in sae.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
