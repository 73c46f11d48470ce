"""Our metrics equal NeuroBench's on the same network, written once for each."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from nc.compiler.spiking.metrics import measure
from nc.compiler.spiking.quantise import Precision, quantise
from nc.ir.spiking.connect import Dense
from nc.ir.spiking.network import Network, Population, Projection

BETA, TICKS = 0.75, 12


def test_equal_to_neurobench():
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import snntorch
        from neurobench.benchmarks import Benchmark
        from neurobench.metrics.static import ConnectionSparsity
        from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
        from neurobench.models import NeuroBenchModel
    rng = np.random.default_rng(0)
    first = rng.integers(-8, 17, (20, 10)) / 16 * (rng.random((20, 10)) < 0.7)
    second = rng.integers(-8, 17, (4, 20)) / 16 * (rng.random((4, 20)) < 0.7)
    x = (rng.random((6, TICKS, 10)) < 0.4).astype(np.int64)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = (torch.nn.Linear(w.shape[1], w.shape[0], bias=False) for w in (first, second))
            settings = {"threshold": 1.0, "reset_mechanism": "zero", "reset_delay": False}
            self.a, self.b = (snntorch.Leaky(BETA, init_hidden=True, **settings) for _ in range(2))
            with torch.no_grad():
                self.one.weight.copy_(torch.tensor(first))
                self.two.weight.copy_(torch.tensor(second))

        def forward(self, tick):
            return self.b(self.two(self.a(self.one(tick))))

    class Wrapped(NeuroBenchModel):
        def __init__(self, net):
            super().__init__()
            self.net = net
            self.add_activation_module(snntorch.SpikingNeuron)

        def __call__(self, batch):
            self.net.a.reset_hidden()
            self.net.b.reset_hidden()
            return torch.stack([self.net(batch[:, t]) for t in range(batch.shape[1])], dim=1).sum(dim=1)

        def __net__(self):
            return self.net

    data = torch.utils.data.TensorDataset(torch.tensor(x, dtype=torch.float32), torch.zeros(6))
    loader = torch.utils.data.DataLoader(data, batch_size=6)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        metrics = [[ConnectionSparsity], [ActivationSparsity, SynapticOperations]]
        theirs = Benchmark(Wrapped(Net().double().float()), loader, [], [], metrics).run()

    def leaky(name, n):
        tau = np.full(1, 1 / (1 - BETA))
        return Population(name, "lif", (n,), {"tau": tau, "r": tau, "v_threshold": np.ones(1)})

    network = Network(
        "two",
        1.0,
        (Population("x", "input", (10,)), leaky("a", 20), leaky("b", 4)),
        (Projection("one", "x", "a", Dense(first)), Projection("two", "a", "b", Dense(second))),
        ("b",),
    )
    ours = measure(quantise(network, Precision(32, 16, 24)), x)
    assert ours.activation_sparsity == pytest.approx(theirs["ActivationSparsity"])
    # NeuroBench rounds its connection sparsity to three digits.
    assert ours.connection_sparsity == pytest.approx(theirs["ConnectionSparsity"], abs=1e-3)
    assert ours.effective_acs == pytest.approx(theirs["SynapticOperations"]["Effective_ACs"])
    assert ours.effective_macs == theirs["SynapticOperations"]["Effective_MACs"] == 0
    assert ours.dense == pytest.approx(theirs["SynapticOperations"]["Dense"])
