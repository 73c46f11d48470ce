"""Writes resnet8.onnx: ResNet-8 for 3 x 32 x 32 images (the CIFAR-10 network of MLPerf Tiny) with random 4-bit weights.

Three residual blocks of 16, 32 and 64 channels, the last two with stride 2 and a 1 x 1 shortcut, global average pool,
10 logits; 4-bit activations. The weights are random: what is shown is that a network of this size compiles, folds,
and computes exactly what its integer graph says. Run: python examples/resnet8/make.py [FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from digits.write_onnx import QONNX, Writer  # noqa: E402

WEIGHT_BITS, ACT_BITS = 4, 4


class Network:
    """Adds layers to a writer; every tensor is followed by a quantiser whose scale is the power of two that suits the
    spread of random sums."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(8)
        self.writer = Writer("resnet8", (3, 32, 32))
        self.writer.constant("zero", np.zeros(()))
        self.count = 0

    def conv(self, inside: int, outside: int, kernel: int, stride: int, rms: float) -> float:
        """A convolution of `last`; the spread of its result."""
        self.count += 1
        name = f"conv{self.count}"
        weights = self.rng.integers(-7, 8, (outside, inside, kernel, kernel))
        pad = (kernel - 1) // 2
        self.writer.node("Conv", name, self._quantised(name, weights), kernel_shape=[kernel, kernel],
                         pads=[pad] * 4, strides=[stride, stride])  # fmt: skip
        return float(np.sqrt(inside * kernel * kernel) * weights.std() * rms)

    def _quantised(self, name: str, weights: np.ndarray) -> str:
        stored = self.writer.constant(f"{name}.weight", weights)
        one = self.writer.constant(f"{name}.weight.scale", np.ones(()))
        bits = self.writer.constant(f"{name}.weight.bits", np.array(WEIGHT_BITS))
        return self.writer.side("Quant", f"{name}/weight", stored, one, "zero", bits, domain=QONNX,
                                signed=1, narrow=1, rounding_mode="ROUND")  # fmt: skip

    def quant(self, name: str, spread: float, *, signed: bool = False) -> float:
        """4 unsigned bits (a ReLU), or 5 signed ones; the scale."""
        scale = 2.0 ** np.round(np.log2(2 * spread / 2**ACT_BITS))
        factor = self.writer.constant(f"{name}.scale", np.array(scale))
        bits = self.writer.constant(f"{name}.bits", np.array(ACT_BITS + signed))
        self.writer.node("Quant", name, factor, "zero", bits, domain=QONNX,
                         signed=int(signed), narrow=0, rounding_mode="FLOOR")  # fmt: skip
        return scale

    def block(self, index: int, inside: int, outside: int, stride: int, scale: float) -> float:
        """relu(conv(relu(conv(x))) + shortcut(x)); the scale of the result."""
        x = self.writer.last
        spread = self.conv(inside, outside, 3, stride, 6 * scale)
        inner = self.quant(f"block{index}/relu1", spread)
        spread = self.conv(outside, outside, 3, 1, 6 * inner)
        self.quant(f"block{index}/branch", spread, signed=True)
        branch, self.writer.last = self.writer.last, x
        if stride > 1 or inside != outside:
            short = self.conv(inside, outside, 1, stride, 6 * scale)
            self.quant(f"block{index}/short", short, signed=True)
        self.writer.node("Add", f"block{index}/add", branch)
        return self.quant(f"block{index}/relu2", spread * 1.4)


def main(path: Path) -> None:
    net = Network()
    spread = net.conv(3, 16, 3, 1, 128)
    scale = net.quant("relu", spread)
    for index, (inside, outside, stride) in enumerate(((16, 16, 1), (16, 32, 2), (32, 64, 2)), 1):
        scale = net.block(index, inside, outside, stride, scale)
    writer = net.writer
    writer.node("GlobalAveragePool", "pool")
    writer.node("Flatten", "flatten", axis=1)
    writer.node("MatMul", "fc", net._quantised("fc", net.rng.integers(-7, 8, (64, 10))))
    writer.save(path, 10)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("resnet8.onnx"))
