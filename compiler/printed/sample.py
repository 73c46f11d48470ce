"""Random genomes: the candidates on which the area model is fitted and its ranking is measured."""

from __future__ import annotations

import numpy as np

from nc.compiler.printed.genome import IntArray, Shape, forward, join


def random_candidate(shape: Shape, rng: np.random.Generator, inputs: int = 256) -> IntArray:
    """A random genome whose circuit is no constant: its commonest class is chosen for at most 95 % of random inputs."""
    while True:
        genome = random_genome(shape, rng)
        x = rng.integers(0, 1 << shape.input_bits, (inputs, shape.features))
        if np.bincount(forward(genome, shape, x)[2]).max() <= 0.95 * inputs:
            return genome


def random_genome(shape: Shape, rng: np.random.Generator, density: float | None = None) -> IntArray:
    """A genome with a random share of connections (`density`, default itself random) and random masks, biases,
    slices and live classes (two at least)."""
    density = rng.uniform(0.1, 0.9) if density is None else density
    sizes = shape.sizes()

    def signs(size: tuple[int, ...]) -> np.ndarray:
        return rng.choice([-1, 1], size) * (rng.random(size) < density)

    def masks(size: tuple[int, ...], bits: int) -> np.ndarray:
        full = (1 << bits) - 1
        return np.where(rng.random(size) < rng.random(), full, rng.integers(1, full + 1, size))

    live = rng.random(shape.classes) < 0.8
    live[rng.permutation(shape.classes)[:2]] = True
    s1, k1, m1 = (
        signs(sizes["s1"]),
        rng.integers(0, shape.max_k1 + 1, sizes["k1"]),
        masks(sizes["m1"], shape.input_bits),
    )
    s2, k2, m2 = signs(sizes["s2"]), rng.integers(0, shape.max_k2 + 1, sizes["k2"]), masks(sizes["m2"], shape.max_bits)
    bits = rng.integers(1, shape.max_bits + 1, shape.hidden)
    # neurons and classes that no input can move are no logic: slices cover the sums, and the classes' sums overlap
    low, high = ((s1 * (m1 << k1)).clip(*ends).sum(1) for ends in ((None, 0), (0, None)))
    width = np.array([int(v).bit_length() for v in high - low])
    b1 = -low - (rng.uniform(0.2, 0.6, shape.hidden) * (high - low)).astype(int)
    shift = np.maximum(width - 1 - bits + rng.integers(-1, 1, shape.hidden), 0)
    top = np.minimum(np.maximum(high + b1, 0) >> shift, (1 << bits) - 1)
    m2 &= (1 << np.array([int(v).bit_length() for v in top])) - 1
    middle = (s2 * (m2 << k2)).sum(1) // 2
    return join(
        {
            "s1": s1,
            "k1": k1,
            "m1": m1,
            "b1": b1,
            "shift": shift,
            "bits": bits,
            "s2": s2,
            "k2": k2,
            "m2": m2,
            "b2": rng.integers(-3, 4, shape.classes) - middle,
            "live": live,
            "drop": [rng.integers(0, 3)],
        },
        shape,
    )
