"""Layer tables of the networks that TULIP and FINN report, as windows for the scheduler; weights are random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.backends.threshold.layers import ArrayLayer, Network, Window
from nc.backends.threshold.node import Node
from nc.hdl.threshold.config import InputUnit


@dataclass(frozen=True)
class LayerShape:
    """A convolution (`kernel` > 0) or dense layer: `inputs` channels (or values), `outputs`, input `extent`; `pool`
    after it. `planes`: bits of the input. Same padding is scheduled as a border of fixed bits."""

    name: str
    inputs: int
    outputs: int
    extent: int = 1
    kernel: int = 0
    stride: int = 1
    pad: int = 0
    pool: int = 1
    planes: int = 1

    def layer(self, rng: np.random.Generator, last: bool = False) -> ArrayLayer:
        """The layer with random weights and thresholds around the middle."""
        taps = max(1, self.kernel) ** 2
        products = (self.inputs * taps,) * self.planes
        node = Node((0, *products), "value", (2 * sum(products)).bit_length() + 1) if last else Node(products)
        side = self.extent + 2 * self.pad
        out = ((side - max(1, self.kernel)) // self.stride + 1) // self.pool
        window = Window(
            self.inputs,
            planes=self.planes,
            extent=(side, side),
            kernel=(max(1, self.kernel),) * 2,
            stride=(self.stride,) * 2,
            pool=(self.pool,) * 2,
            output=(out, out),
        )
        weights = rng.random((self.outputs, node.fan_in)) < 0.5
        middle = node.largest // 2
        if last:
            addends = rng.integers(0, 1 << node.columns, self.outputs)
        else:
            addends = np.array([node.addend_for(int(t)) for t in rng.integers(middle - 8, middle + 9, self.outputs)])
        return ArrayLayer(self.name, node, window, weights, addends)


# Courbariaux et al., Binarized Neural Networks (arXiv 1602.02830): the CIFAR-10 network, 8-bit RGB input.
BINARYNET = (
    LayerShape("conv1", 3, 128, 32, 3, pad=1, planes=8),
    LayerShape("conv2", 128, 128, 32, 3, pad=1, pool=2),
    LayerShape("conv3", 128, 256, 16, 3, pad=1),
    LayerShape("conv4", 256, 256, 16, 3, pad=1, pool=2),
    LayerShape("conv5", 256, 512, 8, 3, pad=1),
    LayerShape("conv6", 512, 512, 8, 3, pad=1, pool=2),
    LayerShape("fc1", 8192, 1024),
    LayerShape("fc2", 1024, 1024),
    LayerShape("fc3", 1024, 10),
)

# Krizhevsky et al. 2012 with one group, as XNOR-Net (arXiv 1603.05279) binarises it; overlapping pools as 2 x 2.
ALEXNET = (
    LayerShape("conv1", 3, 96, 227, 11, stride=4, pool=2, planes=8),
    LayerShape("conv2", 96, 256, 27, 5, pad=2, pool=2),
    LayerShape("conv3", 256, 384, 13, 3, pad=1),
    LayerShape("conv4", 384, 384, 13, 3, pad=1),
    LayerShape("conv5", 384, 256, 13, 3, pad=1, pool=2),
    LayerShape("fc6", 9216, 4096),
    LayerShape("fc7", 4096, 4096),
    LayerShape("fc8", 4096, 1000),
)

# Umuroglu et al., FINN (FPGA 2017): multilayer perceptrons for MNIST, binarised input.
SFC = (
    LayerShape("fc1", 784, 256),
    LayerShape("fc2", 256, 256),
    LayerShape("fc3", 256, 256),
    LayerShape("fc4", 256, 10),
)
LFC = (
    LayerShape("fc1", 784, 1024),
    LayerShape("fc2", 1024, 1024),
    LayerShape("fc3", 1024, 1024),
    LayerShape("fc4", 1024, 10),
)
TFC = (LayerShape("fc1", 784, 64), LayerShape("fc2", 64, 64), LayerShape("fc3", 64, 64), LayerShape("fc4", 64, 10))

NETWORKS = {"BinaryNet": BINARYNET, "AlexNet": ALEXNET, "SFC": SFC, "LFC": LFC, "TFC": TFC}


def network(name: str, pes: int, seed: int = 1) -> Network:
    """The whole network with random weights, for scheduling."""
    rng = np.random.default_rng(seed)
    shapes = NETWORKS[name]
    layers = tuple(shape.layer(rng, shape is shapes[-1]) for shape in shapes)
    first = layers[0].window
    beats = first.extent[0] * first.extent[1] * first.deep(pes)
    return Network(InputUnit(max(2, first.planes), False, 1, first.planes, beats, pes), layers, 16)


def single(name: str, layer: str, outputs: int, positions: int, pes: int, seed: int = 1) -> Network:
    """One binary convolution alone, cut to `outputs` channels and a strip of `positions` outputs, for simulation."""
    shape = next(s for s in NETWORKS[name] if s.name == layer)
    rng = np.random.default_rng(seed)
    full = shape.layer(rng)
    stride, kernel = full.window.stride[1], full.window.kernel
    window = Window(
        shape.inputs,
        extent=(kernel[0], kernel[1] + stride * (positions - 1)),
        kernel=kernel,
        stride=full.window.stride,
        output=(1, positions),
    )
    made = ArrayLayer(shape.name, full.node, window, full.weights[:outputs], full.addends[:outputs])
    lanes = next(d for d in range(min(pes, shape.inputs), 0, -1) if shape.inputs % d == 0)
    window = Window(**{**window.__dict__, "pack": lanes})
    made = ArrayLayer(made.name, made.node, window, made.weights, made.addends)
    elements = window.extent[0] * window.extent[1] * shape.inputs
    return Network(InputUnit(2, True, 1, 1, elements // lanes, lanes), (made,), 2)
