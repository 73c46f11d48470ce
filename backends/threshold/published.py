"""Layer tables of the networks that TULIP and FINN report, as windows for the scheduler; weights are random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.backends.threshold.layers import ArrayLayer, Network, Window
from nc.backends.threshold.node import Node
from nc.hdl.threshold.config import InputUnit
from nc.ir.graph import Builder, Graph
from nc.ir.ops.conv import Conv
from nc.ir.ops.max_pool import MaxPool
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.transpose import Transpose
from nc.ir.types import BIPOLAR, TensorType


@dataclass(frozen=True)
class LayerShape:
    """A convolution (`kernel` > 0) or dense layer: `inputs` channels (or values), `outputs`, input `extent`; `pool`
    after it. `planes`: bits of the input. `pad`: zeros around it."""

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
        out = ((self.extent + 2 * self.pad - max(1, self.kernel)) // self.stride + 1) // self.pool
        window = Window(
            self.inputs,
            planes=self.planes,
            extent=(self.extent,) * 2,
            kernel=(max(1, self.kernel),) * 2,
            stride=(self.stride,) * 2,
            pool=(self.pool,) * 2,
            output=(out, out),
            pad=(self.pad,) * 4,
            border=() if not self.pad else ((True, False),) if self.planes == 1 else ((False,),) * self.planes,
            masked=bool(self.pad) and self.planes == 1,
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


def convolution(name: str, layer: str, seed: int = 1) -> Graph:
    """One binary convolution as an integer graph: bipolar image (y, x, channels) in and out, random weights and
    thresholds, zero padding, and the pool that follows it."""
    shape = next(s for s in NETWORKS[name] if s.name == layer)
    rng = np.random.default_rng(seed)
    build = Builder(f"{name}_{layer}")
    x = build.input("x", TensorType((shape.extent, shape.extent, shape.inputs), BIPOLAR))
    weights = rng.integers(0, 2, (shape.outputs, shape.inputs, shape.kernel, shape.kernel)) * 2 - 1
    conv = Conv((shape.stride,) * 2, (shape.pad,) * 4, (1, 1))
    x = build.add(conv, build.add(Transpose((2, 0, 1)), x), build.constant(weights), origin=layer)
    if shape.pool > 1:
        x = build.add(MaxPool((shape.pool,) * 2, (shape.pool,) * 2, (0,) * 4, (1, 1)), x)
    edges = rng.integers(-8, 9, (shape.outputs, 1)) + 2 * shape.kernel * shape.pool**2
    x = build.add(MultiThreshold(edges, np.ones(shape.outputs, np.int64), 0, -1, 2), x)
    build.output("y", build.add(Transpose((1, 2, 0)), x))
    return build.finish()
