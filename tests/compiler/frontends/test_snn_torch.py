"""snnTorch networks spike alike in torch and as imported."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from nc.compiler.frontends.snn_torch import from_modules
from nc.ir.diagnostics import NcError
from nc.ir.spiking.reference import run

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    snntorch = pytest.importorskip("snntorch")


def in_torch(modules, x):
    """Output spikes (N, T, n) in double precision."""
    start = {"Leaky": lambda m: m.init_leaky(), "Synaptic": lambda m: m.init_synaptic()}
    hidden = [start.get(type(m).__name__, lambda m: None)(m) for m in modules]
    out = []
    for t in range(x.shape[1]):
        value = torch.tensor(x[:, t])
        for k, module in enumerate(modules):
            name = type(module).__name__
            if name == "Leaky":
                value, hidden[k] = module(value, hidden[k])
            elif name == "Synaptic":
                value, *hidden[k] = module(value, *hidden[k])
            else:
                value = module(value.double())  # spikes come as float32
        out.append(value.reshape(len(x), -1))
    return torch.stack(out, dim=1).numpy()


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_spikes_are_the_same(reset, late):
    torch.manual_seed(1)
    how = {"reset_mechanism": reset, "reset_delay": late, "threshold": 2.0}
    modules = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1),
        snntorch.Leaky(0.8, **how),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(36, 10),
        snntorch.Synaptic(0.7, 0.9, **how),
    ).double()
    with torch.no_grad():
        modules[0].weight *= 4
        modules[4].weight *= 3
    x = (np.random.default_rng(0).random((3, 25, 2, 6, 6)) < 0.3).astype(float)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = in_torch(modules, x)
    network = from_modules(modules, (2, 6, 6))
    got = run(network, x.reshape(3, 25, -1)).outputs["5"]
    assert 0.02 < want.mean() < 0.98
    if late or reset == "none":
        assert (got == want).all()
    else:  # snnTorch subtracts a second time when a membrane is still above its threshold after the reset
        assert (got == want).mean() > 0.9


def test_unknown_module():
    with pytest.raises(NcError) as error:
        from_modules([torch.nn.MaxPool2d(2)], (1, 4, 4))
    assert "module must be one of Linear, Conv2d, AvgPool2d, Flatten, Leaky, Synaptic, not MaxPool2d" in str(
        error.value
    )
