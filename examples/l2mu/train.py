"""Train the L2MU on BasicMotions (shipped with aeon) with surrogate gradients; writes l2mu.npz beside this file.

python examples/l2mu/train.py [--epochs 200]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nc.compiler.spiking.encode import delta
from nc.compiler.spiking.l2mu import EDGES, legendre

HIDDEN, ORDER, THETA, LIMIT = 32, 12, 40.0, 7
BETA = {"u": 0.5, "m": 0.9, "h": 0.8, "out": 0.95}


def motions() -> tuple[Any, Any, Any, Any]:
    """BasicMotions as sigma-delta events (N, 100, 6), labels 0..3; training and test half as published."""
    from aeon.datasets import load_basic_motions

    def events(split: str) -> tuple[Any, Any]:
        x, y = load_basic_motions(split=split)
        names = sorted(set(y))
        return delta(np.moveaxis(x, 1, 2), 1.0, limit=LIMIT), np.array([names.index(v) for v in y])

    return *events("train"), *events("test")


class Spike(torch.autograd.Function):
    """A step whose gradient is that of a fast sigmoid (Zenke and Ganguli 2018)."""

    @staticmethod
    def forward(ctx: Any, v: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        ctx.save_for_backward(v)
        return (v > 0).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        (v,) = ctx.saved_tensors
        return grad / (1 + 2 * v.abs()) ** 2


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        a, b = legendre(ORDER, THETA)
        self.register_buffer("a", torch.tensor(a, dtype=torch.float32))
        # Every order gets the drive that its spikes need: the frozen B, repeated for u's single neuron.
        self.register_buffer("b", torch.tensor(4 * b, dtype=torch.float32))
        sizes = {"x": 6, "u": 1, "m": ORDER, "h": HIDDEN, "out": 4}
        gain = {"e_x": 0.4, "w_x": 0.4, "w": 0.6, "w_m": 0.6, "w_h": 0.2, "e_h": 0.2, "e_m": 0.2}
        for name, source, target, _ in EDGES:
            if name not in ("a", "b"):
                weight = gain[name] * torch.randn(sizes[target], sizes[source]) / sizes[source] ** 0.5
                setattr(self, name, nn.Parameter(weight))
        self.bias_h = nn.Parameter(torch.zeros(HIDDEN))
        self.bias_out = nn.Parameter(torch.full((4,), 0.02))
        self.sizes = sizes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.shape[0]
        v = {p: torch.zeros(n, self.sizes[p]) for p in BETA}
        s = {p: torch.zeros(n, self.sizes[p]) for p in BETA}
        votes = torch.zeros(n, 4)

        def fire(p: str, drive: torch.Tensor) -> None:
            v[p] = BETA[p] * v[p] + drive
            s[p] = Spike.apply(v[p] - 1.0)
            v[p] = v[p] - s[p]

        for t in range(x.shape[1]):
            before = dict(s)
            fire("u", x[:, t] @ self.e_x.T + before["h"] @ self.e_h.T + before["m"] @ self.e_m.T)
            fire("m", before["m"] @ self.a.T + s["u"] @ self.b.T)
            fire("h", x[:, t] @ self.w_x.T + before["h"] @ self.w_h.T + s["m"] @ self.w_m.T + self.bias_h)
            fire("out", s["h"] @ self.w.T + self.bias_out)
            votes = votes + s["out"]
        return votes


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=200)
    epochs = parser.parse_args().epochs
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x, y, x_test, y_test = (torch.tensor(a) for a in motions())
    model = Model()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    best, kept = -1.0, {}
    saved = [*(n for n, *_ in EDGES), "bias_h", "bias_out"]
    for epoch in range(epochs):
        loss = nn.functional.cross_entropy(model(x.float()) / 8, y)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if epoch % 5 == 4:
            with torch.no_grad():
                right = float((model(x.float()).argmax(1) == y).float().mean())
            # The test half is looked at only at the end: the epoch is chosen on the training half.
            score = right - loss.item() * 1e-3
            if score > best:
                best, kept = score, {n: getattr(model, n).detach().numpy().copy() for n in saved}
            print(f"epoch {epoch + 1}: loss {loss.item():.3f}, training accuracy {right:.3f}", flush=True)
    with torch.no_grad():
        for name, value in kept.items():
            getattr(model, name).copy_(torch.tensor(value))
        print(f"test accuracy {float((model(x_test.float()).argmax(1) == y_test).float().mean()):.3f}")
    np.savez(Path(__file__).with_name("l2mu.npz"), **kept, **{f"beta_{k}": v for k, v in BETA.items()})


if __name__ == "__main__":
    main()
