"""Trains the 1-bit network 64-64-10 on the digits and writes digits_bnn.onnx (QONNX).

Weights and activations are -1 and +1 (straight-through estimator, Hubara et al. 2016); pixels are compared with the
middle of their range. The output layer has no norm: its counts are the logits. Run: python examples/digits/train_bnn.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from datasets import digits  # noqa: E402
from digits.write_onnx import QONNX, Writer  # noqa: E402

SIZES, EPOCHS, MIDDLE = (64, 64, 10), 200, 8.0


class Sign(torch.autograd.Function):
    """+1 where x >= 0, -1 elsewhere; the gradient passes where |x| <= 1."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1)


class Binary(nn.Module):
    """Sign, binary matrix product, batch norm; sign, binary matrix product."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(a, b) * 0.1) for a, b in zip(SIZES, SIZES[1:]))
        self.norm = nn.BatchNorm1d(SIZES[1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = (Sign.apply(weight) for weight in self.weights)
        hidden = self.norm(Sign.apply(x) @ first / 8)
        return Sign.apply(hidden) @ second / 4


def main() -> None:
    torch.manual_seed(1)
    torch.use_deterministic_algorithms(True)
    data = digits()
    x, y = torch.tensor(data.x_train - MIDDLE, dtype=torch.float32), torch.tensor(data.y_train)
    net = Binary()
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(128):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimiser.step()
            with torch.no_grad():
                for weight in net.weights:
                    weight.clamp_(-1, 1)
        schedule.step()
    net.eval()
    writer = Writer("digits_bnn", (64,))
    one = writer.constant("one", np.ones(()))
    writer.node("Sub", "centre", writer.constant("middle", np.array(MIDDLE)))
    for k, weight in enumerate(net.weights, 1):
        writer.node("BipolarQuant", f"sign{k}", one, domain=QONNX)
        bits = np.where(weight.detach().numpy() >= 0, 1.0, -1.0)
        matrix = writer.side("BipolarQuant", f"fc{k}/weight", writer.constant(f"fc{k}.weight", bits), one, domain=QONNX)
        writer.node("MatMul", f"fc{k}", matrix)
        if k == 1:
            norm = net.norm
            parts = {
                "scale": norm.weight,
                "bias": norm.bias,
                "mean": norm.running_mean * 8,
                "var": norm.running_var * 64,
            }
            names = [writer.constant(f"norm.{name}", part.detach().numpy()) for name, part in parts.items()]
            writer.node("BatchNormalization", "norm", *names, epsilon=float(norm.eps * 64))
    writer.save(Path(__file__).with_name("digits_bnn.onnx"), 10)
    with torch.no_grad():
        found = net(torch.tensor(data.x_test - MIDDLE, dtype=torch.float32)).argmax(1).numpy()
    print(f"test accuracy {(found == data.y_test).mean():.4f}")


if __name__ == "__main__":
    main()
