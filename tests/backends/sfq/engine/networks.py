"""Random binary networks for the engine, and what they compute by plain arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from nc.backends.sfq.engine.network import BinaryNetwork, Layer

Array = np.ndarray[Any, Any]


def random_network(sizes: tuple[int, ...], seed: int) -> BinaryNetwork:
    """Thresholds from never to always."""
    rng, layers = np.random.default_rng(seed), []
    for i, (n, outputs) in enumerate(zip(sizes, sizes[1:])):
        last = i == len(sizes) - 2
        spread = np.rint(rng.normal(n / 2, n / 4 + 1, outputs)).astype(np.int64)
        theta = rng.integers(0, 3, outputs) if last else np.clip(spread, 0, n + 1)
        layers.append(Layer(f"fc{i}", rng.random((outputs, n)) < 0.5, theta))
    return BinaryNetwork("x", (sizes[0],), 1, tuple(layers), "y")


def decide(network: BinaryNetwork, bits: Array) -> Array:
    for layer in network.layers[:-1]:
        count = (bits[:, None, :] == layer.weights[None]).sum(axis=2)
        bits = (count >= layer.theta).astype(np.uint8)
    last = network.layers[-1]
    return np.asarray(((bits[:, None, :] == last.weights[None]).sum(axis=2) + last.theta).argmax(axis=1))
