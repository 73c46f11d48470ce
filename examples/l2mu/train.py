"""Train the L2MU on BasicMotions (shipped with aeon) with surrogate gradients; writes l2mu.npz beside this file.

    python examples/l2mu/train.py [--epochs 150]

Hyper-parameters are those of `GRID` with the best mean accuracy over four folds of the training half (ties: lower
loss); the network is then trained on the whole training half. The test half is read once, at the end.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nc.compiler.spiking.encode import delta
from nc.compiler.spiking.l2mu import EDGES, legendre

HIDDEN, ORDER, LIMIT, FOLDS = 32, 12, 7, 4
BETA = {"u": 0.5, "m": 0.9, "h": 0.8, "out": 0.95}


@dataclass(frozen=True)
class Choice:
    """`theta`: ticks that the memory holds; `drive`: how often the frozen B is repeated for u's single neuron."""

    theta: float
    drive: float


GRID = tuple(Choice(theta, drive) for theta, drive in product((20.0, 40.0), (1.0, 4.0)))


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
    def __init__(self, choice: Choice) -> None:
        super().__init__()
        a, b = legendre(ORDER, choice.theta)
        self.register_buffer("a", torch.tensor(a, dtype=torch.float32))
        self.register_buffer("b", torch.tensor(choice.drive * b, dtype=torch.float32))
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


def train(choice: Choice, x: torch.Tensor, y: torch.Tensor, epochs: int) -> Model:
    """The weights of the epoch with the best training accuracy, then loss, looked at every five epochs."""
    torch.manual_seed(0)
    model = Model(choice)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    best, kept = -1.0, model.state_dict()
    for epoch in range(epochs):
        votes = model(x)
        loss = nn.functional.cross_entropy(votes / 8, y)
        if epoch % 5 == 0:
            score = float((votes.argmax(1) == y).float().mean()) - loss.item() * 1e-3
            if score > best:
                best, kept = score, {n: v.clone() for n, v in model.state_dict().items()}
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    model.load_state_dict(kept)
    return model


def measure(model: Model, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """(accuracy, loss)"""
    with torch.no_grad():
        votes = model(x)
        return float((votes.argmax(1) == y).float().mean()), nn.functional.cross_entropy(votes / 8, y).item()


def select(x: torch.Tensor, y: torch.Tensor, epochs: int) -> Choice:
    """The choice of `GRID` with the best mean accuracy on the folds held out, then the lowest mean loss."""
    # Stratified: the k-th sample of every class goes to fold k mod FOLDS.
    fold = torch.zeros(len(y), dtype=torch.long)
    for label in y.unique():
        fold[y == label] = torch.arange(int((y == label).sum())) % FOLDS
    scores: dict[Choice, tuple[float, float]] = {}
    for choice in GRID:
        found = [
            measure(train(choice, x[fold != k], y[fold != k], epochs), x[fold == k], y[fold == k]) for k in range(FOLDS)
        ]
        accuracy, loss = (float(np.mean(column)) for column in zip(*found))
        scores[choice] = (accuracy, -loss)
        print(f"{choice}: validation accuracy {accuracy:.3f}, loss {loss:.3f}", flush=True)
    return max(GRID, key=scores.__getitem__)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=150)
    epochs = parser.parse_args().epochs
    torch.set_num_threads(1)
    x, y, x_test, y_test = (torch.tensor(a) for a in motions())
    choice = select(x.float(), y, epochs)
    model = train(choice, x.float(), y, epochs)
    saved = [*(n for n, *_ in EDGES), "bias_h", "bias_out"]
    kept = {n: getattr(model, n).detach().numpy().copy() for n in saved}
    np.savez(Path(__file__).with_name("l2mu.npz"), **kept, **{f"beta_{k}": v for k, v in BETA.items()})
    print(f"{choice}: training accuracy {measure(model, x.float(), y)[0]:.3f}")
    print(f"test accuracy {measure(model, x_test.float(), y_test)[0]:.3f}")


if __name__ == "__main__":
    main()
