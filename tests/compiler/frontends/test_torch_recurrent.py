"""Recurrent layers of torch, through torch.export: equal to torch step by step, or sequence by sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from nc.compiler.frontends.torch_export import from_torch  # noqa: E402
from nc.ir.diagnostics import NcError  # noqa: E402
from nc.ir.interpret import evaluate  # noqa: E402


class Network(torch.nn.Module):  # type: ignore[misc]
    """A recurrent layer with a read-out of its outputs, or of its last hidden state."""

    def __init__(self, kind: str, *, last: bool = False, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell = getattr(torch.nn, kind)(3, 4, **options)
        self.head = torch.nn.Linear(4 if last or not options.get("bidirectional") else 8, 2)
        self.last = last

    def forward(self, x: Any) -> Any:
        y, h = self.cell(x)
        return self.head((h[0] if isinstance(h, tuple) else h)[-1] if self.last else y)


def agree(net: Network, shape: tuple[int, ...]) -> int:
    """Compare on one batch; the number of states."""
    x = torch.tensor(np.random.default_rng(0).normal(size=shape), dtype=torch.float32)
    graph = from_torch(net.eval(), x)
    with torch.no_grad():
        want = net(x).numpy()
    ((label, _),) = graph.inputs.items()
    (got,) = evaluate(graph, {label: x.numpy()}).values()
    if net.last and graph.states:
        got = got[-1]
    assert np.allclose(got.reshape(want.shape), want, atol=1e-6)
    return len(graph.states)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_time_in_front(kind: str) -> None:
    """By torch's default; a stack of layers keeps a state each."""
    states = 2 if kind == "LSTM" else 1
    assert agree(Network(kind), (7, 1, 3)) == states
    assert agree(Network(kind), (7, 3)) == states  # no batch at all
    assert agree(Network(kind, num_layers=2), (7, 1, 3)) == 2 * states
    assert agree(Network(kind, last=True), (7, 1, 3)) == states


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_batch_first(kind: str) -> None:
    assert agree(Network(kind, batch_first=True), (5, 7, 3)) == 0
    assert agree(Network(kind, batch_first=True, last=True, num_layers=2), (5, 7, 3)) == 0
    assert agree(Network(kind, batch_first=True, num_layers=2, bidirectional=True), (5, 7, 3)) == 0


def test_no_bias_and_relu() -> None:
    assert agree(Network("RNN", nonlinearity="relu", bias=False), (7, 1, 3)) == 1


def test_projections_are_refused() -> None:
    class Projected(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.cell = torch.nn.LSTM(3, 4, proj_size=2)

        def forward(self, x: Any) -> Any:
            return self.cell(x)[0]

    with pytest.raises(NcError) as caught:
        from_torch(Projected(), torch.zeros(7, 1, 3))
    assert str(caught.value) == (
        "error[NC103]: aten.lstm.input must have plain weights, without a projection\n"
        "  --> node 'cell/lstm'\n"
        "  help: use proj_size=0"
    )
