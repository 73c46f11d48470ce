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
    epochs: int = 60,
    batch: int = 256,
    rate: float = 0.02,
    sparsity: tuple[float, float] = (1e-5, 3e-3),
    bits: int = 3,
) -> IntArray:
    """Genomes (replicas, shape.length) trained on integer inputs `x` (N, F) and labels `y`.

    `sparsity`: the L1 weights of the first and the last replica, geometric between. Deterministic for a seed.
    """
    torch = _torch()
    torch.manual_seed(seed)
    r, f, h, c = replicas, shape.features, shape.hidden, shape.classes
    full = float(1 << shape.input_bits)
    xs = torch.tensor(np.asarray(x) / full, dtype=torch.float32)
    ys = torch.tensor(np.asarray(y), dtype=torch.long)
    w1 = torch.randn(r, f, h).mul_(1.5 / f**0.5).requires_grad_()
    a1 = torch.rand(r, 1, h).mul_(0.5).requires_grad_()
    w2 = torch.randn(r, h, c).mul_(1.0).requires_grad_()
    a2 = torch.zeros(r, 1, c).requires_grad_()
    gain = torch.full((r, 1, 1), 1.0).requires_grad_()
    penalty = torch.tensor(np.geomspace(*sparsity, r) if r > 1 else [sparsity[0]], dtype=torch.float32).view(r, 1, 1)
    optimiser = torch.optim.Adam([w1, a1, w2, a2, gain], lr=rate)
    steps = epochs * max(1, len(ys) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)
    levels = float(1 << bits)

    def through(exact: Any, rounded: Any) -> Any:
        return exact + (rounded - exact).detach()

    def po2(w: Any, top: Any, span: int) -> Any:
        exponent = torch.log2(w.abs().clamp_min(1e-12))
        rounded = torch.sign(w) * torch.exp2(torch.minimum(torch.maximum(exponent.round(), top - span), top))
        return through(w, torch.where(exponent < top - span - 0.5, torch.zeros_like(w), rounded))

    def tops(w: Any, dims: tuple[int, ...]) -> Any:
        return torch.log2(w.detach().abs().amax(dims, keepdim=True).clamp_min(1e-6)).round()

    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        pick = torch.randint(0, len(ys), (batch,), generator=generator)
        q1 = po2(w1, tops(w1, (1,)), shape.max_k1)
        z = xs[pick] @ q1 + a1
        # a leak lets gradients reach a neuron that is cut off at either end
        clipped = z.clamp(0.0, 1.0 - 1.0 / levels)
        soft = clipped + 0.05 * (z - clipped)
        act = through(soft, torch.floor(clipped * levels) / levels)
        q2 = po2(w2, tops(w2, (1, 2)), shape.max_k2)
        logits = (act @ q2 + a2) * gain.exp() * 3.0
        loss = (
            torch.nn.functional.cross_entropy(logits.reshape(-1, c), ys[pick].repeat(r), reduction="none")
            .view(r, -1)
            .mean(1)
            .sum()
        )
        loss = loss + (penalty * w1.abs()).sum() + (penalty * w2.abs()).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()

    w1, a1, w2, a2 = (t.detach().numpy() for t in (w1, a1, w2, a2))
    return np.stack([_genome(shape, w1[i], a1[i], w2[i], a2[i], bits) for i in range(r)])


def _genome(shape: Shape, w1: np.ndarray, a1: np.ndarray, w2: np.ndarray, a2: np.ndarray, bits: int) -> IntArray:
    """The integers of trained floats: w1 (F, H), a1 (1, H), w2 (H, C), a2 (1, C) for inputs in [0, 1)."""
    top1 = np.round(np.log2(np.maximum(np.abs(w1).max(0), 1e-6))).astype(int)
    s1, e1 = power_of_two(w1, top1[None, :], shape.max_k1)
    base1 = np.where(s1 != 0, e1, 99).min(0)
    base1 = np.where(base1 == 99, top1, base1)
    # sum1 = sum / 2**base1 * 2**input_bits, and the slice starts at 2**-bits of the activation
    shift = shape.input_bits - base1 - bits
    lift = np.maximum(-shift, 0)  # a slice cannot start below bit 0: all weights move up
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
            "b1": np.round(a1[0] * scale1),
            "shift": shift + lift,
            "bits": np.full(shape.hidden, bits),
            "s2": s2.T,
            "k2": np.where(s2 != 0, e2 - base2, 0).T,
            "m2": np.full(s2.T.shape, (1 << shape.max_bits) - 1),
            "b2": np.round((a2[0] - a2[0].mean()) * scale2),
            "live": np.ones(shape.classes),
            "drop": [0],
        },
        shape,
    )
