"""Quantisation-aware training of bespoke MLPs in torch: power-of-two weights and truncated, saturated activations.

Many replicas train at once as one batched product, each from its own random start and with its own sparsity pressure,
so that the search starts from genomes all along the trade-off. Gradients pass straight through every rounding
(Bengio et al., arXiv 1308.3432); the forward pass is the integer semantics of `genome.forward`, up to float scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nc.compiler.printed.genome import IntArray, Shape, join
from nc.ir.diagnostics import ToolMissing, fail


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        fail(
            "NC658",
            "hardware-aware training needs torch, which is not installed",
            help="pip install torch",
            kind=ToolMissing,
        )
    return torch


def power_of_two(weight: np.ndarray, top: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray]:
    """(sign, exponent) of the nearest power of two in the logarithm; 0 below 2**(top-span-0.5). `top` broadcasts."""
    magnitude = np.maximum(np.abs(weight), 1e-12)
    exponent = np.clip(np.round(np.log2(magnitude)), None, top).astype(int)
    sign = np.where(np.log2(magnitude) < top - span - 0.5, 0, np.sign(weight)).astype(int)
    return sign, np.where(sign == 0, top, np.maximum(exponent, top - span)).astype(int)


def train(
    shape: Shape,
    x: np.ndarray,
    y: np.ndarray,
    *,
    seed: int,
    replicas: int = 8,
    steps: int = 3000,
    batch: int = 256,
    rate: float = 0.03,
    sparsity: tuple[float, float] = (1e-5, 5e-3),
    bits: int = 3,
    warm: float = 0.4,
) -> IntArray:
    """Genomes (replicas, shape.length) trained on integer inputs `x` (N, F) and labels `y` (N,), or
    class probabilities (N, C).

    The first `warm` of the `steps` trains in floats, the rest through the rounding. `sparsity`: the L1 weights of the
    first and the last replica, geometric between. Deterministic for a seed.
    """
    torch = _torch()
    draws = torch.Generator().manual_seed(seed)
    r, f, h, c = replicas, shape.features, shape.hidden, shape.classes
    # samples are columns (F, N), as in the kernels: every step works on long contiguous rows
    columns = np.ascontiguousarray(np.asarray(x).T) / (1 << shape.input_bits)
    xs = torch.tensor(columns, dtype=torch.float32)
    wanted = torch.tensor(y.T if y.ndim == 2 else np.arange(c)[:, None] == y, dtype=torch.float32).contiguous()
    count = len(y)
    batch = min(batch, count)

    # The first layer is trained on centred features of equal spread, and every neuron starts inside its range: codes
    # that barely move would need large weights, and a neuron that is born cut off learns nothing.
    mean = xs.mean(1, keepdim=True)
    spread = 0.25 / (xs.std(1) + 0.02)
    v1 = torch.randn(r, h, f, generator=draws) * (2.0 / f**0.5)
    a1 = torch.rand(r, h, 1, generator=draws) * 0.6 + 0.2
    w2 = torch.randn(r, c, h, generator=draws)
    a2, gain = torch.zeros(r, c, 1), torch.zeros(r, 1, 1)
    parameters = [t.requires_grad_() for t in (v1, a1, w2, a2, gain)]
    penalty = torch.tensor(np.geomspace(*sparsity, r), dtype=torch.float32).view(r, 1, 1)
    optimiser = torch.optim.Adam(parameters, lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)
    levels = float(1 << bits)

    def po2(w: Any, dims: tuple[int, ...], span: int) -> Any:
        with torch.no_grad():
            magnitude = w.abs()
            top = torch.log2(magnitude.amax(dims, keepdim=True).clamp_min(1e-6)).round()
            exponent = torch.log2(magnitude.clamp_min(1e-12))
            rounded = torch.sign(w) * torch.exp2(torch.minimum(torch.maximum(exponent.round(), top - span), top))
            change = torch.where(exponent < top - span - 0.5, torch.zeros_like(w), rounded) - w
        return w + change

    order = torch.randperm(count, generator=draws)
    at = 0
    for step in range(steps):
        if at + batch > count:
            order, at = torch.randperm(count, generator=draws), 0
        pick = order[at : at + batch]
        at += batch
        rounding = step >= warm * steps
        w1 = v1 * spread
        q1, q2 = (po2(w1, (2,), shape.max_k1), po2(w2, (1, 2), shape.max_k2)) if rounding else (w1, w2)
        z = q1 @ (xs[:, pick] - mean) + a1
        # a leak lets gradients reach a neuron that is cut off at either end
        clipped = z.clamp(0.0, 1.0 - 1.0 / levels)
        act = clipped + 0.05 * (z - clipped)
        # in floats, half a level is taken off: what the floor will take on average
        act = act + (torch.floor(clipped * levels) / levels - act).detach() if rounding else act - 0.5 / levels
        logits = (q2 @ act + a2) * gain.exp() * 3.0
        loss = (torch.logsumexp(logits, 1).sum() - (logits * wanted[:, pick]).sum()) / batch
        loss = loss + (penalty * v1.abs()).sum() + (penalty * w2.abs()).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()

    w1 = v1 * spread
    a1 = a1 - po2(w1, (2,), shape.max_k1) @ mean
    w1, a1, w2, a2 = (t.detach().transpose(1, 2).numpy() for t in (w1, a1, w2, a2))
    return np.stack([_genome(shape, w1[i], a1[i], w2[i], a2[i], bits) for i in range(r)])


def _genome(shape: Shape, w1: np.ndarray, a1: np.ndarray, w2: np.ndarray, a2: np.ndarray, bits: int) -> IntArray:
    """The integers of trained floats: w1 (F, H), a1 (1, H), w2 (H, C), a2 (1, C) for inputs in [0, 1)."""
    top1 = np.round(np.log2(np.maximum(np.abs(w1).max(0), 1e-6))).astype(int)
    s1, e1 = power_of_two(w1, top1[None, :], shape.max_k1)
    base1 = np.where(s1 != 0, e1, 99).min(0)
    base1 = np.where(base1 == 99, top1, base1)
    # sum1 = sum / 2**base1 * 2**input_bits, and the slice starts at 2**-bits of the activation
    shift = shape.input_bits - base1 - bits
    lift = np.clip(-shift, 0, 2)  # a slice cannot start below bit 0: all weights move up, as far as sums stay narrow
    top2 = int(np.round(np.log2(max(np.abs(w2).max(), 1e-6))))
    s2, e2 = power_of_two(w2, np.array(top2), shape.max_k2)
    base2 = int(e2[s2 != 0].min()) if np.any(s2) else top2
    scale1 = np.exp2(shape.input_bits - base1 + lift)
    scale2 = 2.0 ** (bits - base2)
    return join(
        {
            "s1": s1.T,
            "k1": np.where(s1 != 0, e1 - base1 + lift, 0).T,
            "m1": np.full(s1.T.shape, (1 << shape.input_bits) - 1),
            "b1": np.clip(np.round(a1[0] * scale1), -shape.max_bias, shape.max_bias),
            "shift": np.clip(shift + lift, 0, 9),
            "bits": np.full(shape.hidden, bits),
            "s2": s2.T,
            "k2": np.where(s2 != 0, e2 - base2, 0).T,
            "m2": np.full(s2.T.shape, (1 << shape.max_bits) - 1),
            "b2": np.clip(np.round((a2[0] - a2[0].mean()) * scale2), -shape.max_bias, shape.max_bias),
            "live": np.ones(shape.classes),
            "drop": [0],
        },
        shape,
    )
