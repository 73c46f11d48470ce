"""Random genomes: the candidates on which the area model is fitted and its ranking is measured."""

from __future__ import annotations

import numpy as np

from nc.compiler.printed.genome import IntArray, Shape, join


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
    reach = shape.features << shape.input_bits
    return join(
        {
            "s1": signs(sizes["s1"]),
            "k1": rng.integers(0, shape.max_k1 + 1, sizes["k1"]),
            "m1": masks(sizes["m1"], shape.input_bits),
            "b1": rng.integers(-reach // 4, reach // 2, shape.hidden),
            "shift": rng.integers(1, 6, shape.hidden),
            "bits": rng.integers(1, shape.max_bits + 1, shape.hidden),
            "s2": signs(sizes["s2"]),
            "k2": rng.integers(0, shape.max_k2 + 1, sizes["k2"]),
            "m2": masks(sizes["m2"], shape.max_bits),
            "b2": rng.integers(-16, 17, shape.classes),
            "live": live,
            "drop": [rng.integers(0, 3)],
        },
        shape,
    )
