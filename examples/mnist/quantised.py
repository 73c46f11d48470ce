"""Quantisers for training in torch: power-of-two scales, rounded forward, straight through backward.

A layer here is what an FPGA computes: integer weights times integer activations, a bias, a shift, a clamp.
(Straight-through estimator: Bengio et al., arXiv:1308.3432; quantisation-aware training: Jacob et al., CVPR 2018.)
"""

from __future__ import annotations

import torch
from torch import nn


def through(exact: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The value of `exact` with the gradient of `x`."""
    return x + (exact - x).detach()


def weight_scale(weight: torch.Tensor, bits: int) -> float:
    """The power of two for which the quantised weights are nearest in the mean square."""
    top = 2 ** (bits - 1) - 1
    start = torch.ceil(torch.log2(weight.detach().abs().max() / top))
    errors = []
    for k in range(4):
        scale = 2.0 ** (start - k)
        rounded = torch.clamp(torch.round(weight.detach() / scale), -top, top) * scale
        errors.append((float(((rounded - weight.detach()) ** 2).mean()), float(scale)))
    return min(errors)[1]


class Weights(nn.Module):
    """Narrow symmetric weights of `bits` bits (0: float); the scale follows the weights while training."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.scale = 1.0

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        if not self.bits:
            return weight
        if self.training:
            self.scale = weight_scale(weight, self.bits)
        top = 2 ** (self.bits - 1) - 1
        exact = torch.clamp(torch.round(weight / self.scale), -top, top) * self.scale
        return through(exact, torch.clamp(weight, -top * self.scale, top * self.scale))


class Activation(nn.Module):
    """ReLU to `bits` unsigned bits by rounding down (0: float). `scale` is set once, from data (`fit`)."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.scale = 0.0
        self.seen = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.bits or not self.scale:
            if self.training:
                self.seen = max(self.seen, float(torch.quantile(x.detach().flatten()[:100_000], 0.998)))
            return torch.relu(x)
        top = 2**self.bits - 1
        exact = torch.clamp(torch.floor(x / self.scale), 0, top) * self.scale
        return through(exact, torch.clamp(x, 0, top * self.scale))

    def fit(self) -> None:
        """From now on quantised: the power of two that covers 99.8 % of what was seen."""
        self.scale = 2.0 ** float(torch.ceil(torch.log2(torch.tensor(self.seen / (2**self.bits - 1)))))


class Layer(nn.Module):
    """A convolution or dense layer with quantised weights, and where `act` is set the activation after it."""

    def __init__(self, inner: nn.Conv2d | nn.Linear, weight_bits: int, act_bits: int = 0, *, act: bool = True) -> None:
        super().__init__()
        self.inner = inner
        self.weights = Weights(weight_bits)
        self.act = Activation(act_bits) if act else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weights(self.inner.weight)
        if isinstance(self.inner, nn.Conv2d):
            x = nn.functional.conv2d(x, weight, self.inner.bias, self.inner.stride, self.inner.padding)
        else:
            x = nn.functional.linear(x, weight, self.inner.bias)
        return x if self.act is None else self.act(x)
