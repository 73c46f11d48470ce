"""Trains the quantised MNIST networks and writes them as QONNX. Run: python examples/mnist/train.py [NAME]...

| name | network | weights, activations |
|---|---|---|
| `lenet_w4a4` | LeNet-5: 6 and 16 5 x 5 convolutions, pools, 120-84-10 | 4 bits |
| `lenet_w8a8` | the same | 8 bits |
| `mlp_w4a4` | 784-32-10, for the block RAMs of an iCE40 UP5K | 4 bits, weights of the output layer 6 |

Pixels enter as the integers 0..255. The MLP sees every batch shifted by up to a pixel. The last 6,000 training images
choose the epoch; the test images are used once, to print the accuracy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from datasets import Split, mnist  # noqa: E402
from digits.write_onnx import QONNX, Writer  # noqa: E402
from mnist.quantised import Layer  # noqa: E402

HELD_OUT, PIXEL = 6000, 1 / 256


def lenet(weight_bits: int, act_bits: int) -> nn.Sequential:
    w, a = weight_bits, act_bits
    return nn.Sequential(
        Layer(nn.Conv2d(1, 6, 5, padding=2), w, a), nn.MaxPool2d(2),
        Layer(nn.Conv2d(6, 16, 5), w, a), nn.MaxPool2d(2), nn.Flatten(),
        Layer(nn.Linear(400, 120), w, a), Layer(nn.Linear(120, 84), w, a),
        Layer(nn.Linear(84, 10, bias=False), w, act=False),
    )  # fmt: skip


def mlp(weight_bits: int, act_bits: int, last_bits: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        Layer(nn.Linear(784, 32), weight_bits, act_bits),
        Layer(nn.Linear(32, 10, bias=False), last_bits, act=False),
    )


@dataclass(frozen=True)
class Recipe:
    """How a network is made; epochs in `plain` floats and `quantised`, learning rate of the latter; most pixels that a
    batch is shifted by; images a batch."""

    make: Callable[[], nn.Sequential]
    plain: int
    quantised: int
    rate: float = 1e-3
    shift: int = 0
    batch: int = 128


NETWORKS: dict[str, Recipe] = {
    "lenet_w4a4": Recipe(lambda: lenet(4, 4), 2, 4),
    "lenet_w8a8": Recipe(lambda: lenet(8, 8), 3, 5),
    "mlp_w4a4": Recipe(lambda: mlp(4, 4, 6), 6, 45, rate=4e-3, shift=1, batch=384),
}


def train(name: str, data: Split) -> nn.Sequential:
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    recipe = NETWORKS[name]
    net = recipe.make()
    layers = [part for part in net if isinstance(part, Layer)]
    x, y = tensors(data.x_train, data.y_train)
    x, y, held_x, held_y = x[:-HELD_OUT], y[:-HELD_OUT], x[-HELD_OUT:], y[-HELD_OUT:]
    bits = [layer.weights.bits for layer in layers]
    for layer in layers:
        layer.weights.bits = 0
    best, state = -1.0, {}
    for phase, epochs, rate in (("float", recipe.plain, 2e-3), ("quantised", recipe.quantised, recipe.rate)):
        if phase == "quantised":
            for layer, width in zip(layers, bits, strict=True):
                layer.weights.bits = width
                if layer.act is not None:
                    layer.act.fit()
        optimiser = torch.optim.Adam(net.parameters(), rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * (-(-len(x) // recipe.batch)))
        for epoch in range(epochs):
            net.train()
            for batch in torch.randperm(len(x)).split(recipe.batch):
                optimiser.zero_grad()
                nn.functional.cross_entropy(net(shifted(x[batch], recipe.shift)), y[batch]).backward()
                optimiser.step()
                schedule.step()
            found = accuracy(net, held_x, held_y)
            print(f"{name}: {phase} epoch {epoch + 1}: validation accuracy {found:.4f}", flush=True)
            if phase == "quantised" and found > best:
                best, state = found, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(state)
    for layer in layers:
        layer.train()
        layer.weights(layer.inner.weight)  # the scales of the chosen weights
    net.eval()
    return net


def shifted(x: torch.Tensor, most: int) -> torch.Tensor:
    """Images (N, 1, H, W) moved by up to `most` pixels along each axis, all alike; the margin is empty."""
    if not most:
        return x
    down, right = torch.randint(0, 2 * most + 1, (2,)).tolist()
    return nn.functional.pad(x, (most,) * 4)[..., down : down + x.shape[2], right : right + x.shape[3]]


def tensors(x: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(x * np.float32(PIXEL)).unsqueeze(1), torch.tensor(y)


def accuracy(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    net.eval()
    with torch.no_grad():
        return float((torch.cat([net(part).argmax(1) for part in x.split(1000)]) == y).float().mean())


def export(net: nn.Sequential, name: str) -> None:
    """QONNX: every weight and activation with its Quant node; the factor of the pixels goes into the first weights."""
    writer = Writer(name, (1, 28, 28))
    pixel, count = PIXEL, 0
    for part in net:
        if isinstance(part, nn.MaxPool2d):
            count += 1
            writer.node("MaxPool", f"pool{count}", kernel_shape=[2, 2], strides=[2, 2])
        elif isinstance(part, nn.Flatten):
            writer.node("Flatten", "flatten", axis=1)
        elif isinstance(part, Layer):
            _layer(writer, part, pixel)
            pixel = 1.0
    writer.save(Path(__file__).with_name(f"{name}.onnx"), 10)


def _layer(writer: Writer, layer: Layer, pixel: float) -> None:
    inner = layer.inner
    dense = isinstance(inner, nn.Linear)
    number = 1 + sum(node.op_type in ("Conv", "MatMul") for node in writer.nodes)
    name = f"{'fc' if dense else 'conv'}{number}"
    zero = "zero" if any(w.name == "zero" for w in writer.weights) else writer.constant("zero", np.zeros(()))
    weight = inner.weight.detach().numpy() * pixel
    stored = writer.constant(f"{name}.weight", weight.T if dense else weight)
    scale = writer.constant(f"{name}.weight.scale", np.array(layer.weights.scale * pixel))
    bits = writer.constant(f"{name}.weight.bits", np.array(layer.weights.bits))
    weights = writer.side("Quant", f"{name}/weight", stored, scale, zero, bits, domain=QONNX,
                          signed=1, narrow=1, rounding_mode="ROUND")  # fmt: skip
    bias = [] if inner.bias is None else [writer.constant(f"{name}.bias", inner.bias.detach().numpy())]
    if dense:
        writer.node("MatMul", name, weights)
        if bias:
            writer.node("Add", f"{name}/bias", *bias)
    else:
        pads = [int(p) for p in inner.padding] * 2  # type: ignore[arg-type]
        writer.node("Conv", name, weights, *bias, kernel_shape=list(inner.kernel_size), pads=pads, strides=[1, 1])
    if layer.act is not None:
        scale = writer.constant(f"{name}.act.scale", np.array(layer.act.scale))
        bits = writer.constant(f"{name}.act.bits", np.array(layer.act.bits))
        writer.node("Quant", f"{name}/act", scale, zero, bits, domain=QONNX,
                    signed=0, narrow=0, rounding_mode="FLOOR")  # fmt: skip


def main(names: list[str]) -> None:
    data = mnist()
    for name in names or list(NETWORKS):
        net = train(name, data)
        export(net, name)
        print(f"{name}: test accuracy {accuracy(net, *tensors(data.x_test, data.y_test)):.4f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
