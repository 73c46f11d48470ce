"""Trains a small float CNN on the digits and writes digits_cnn.onnx. Run: python examples/digits/train_cnn.py"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from datasets import digits  # noqa: E402
from digits.write_onnx import Writer  # noqa: E402

EPOCHS = 120


def main() -> None:
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    data = digits()
    x, y = torch.tensor(data.x_train / 16.0, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(data.y_train)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), 5e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimiser.step()
        schedule.step()
    net.eval()
    writer = Writer("digits_cnn", (1, 8, 8))
    for k, (conv, norm, scale) in enumerate(((net[0], net[1], 1 / 16), (net[4], net[5], 1.0)), 1):
        weight = writer.constant(f"conv{k}.weight", conv.weight.detach().numpy() * scale)
        bias = writer.constant(f"conv{k}.bias", conv.bias.detach().numpy())
        writer.node("Conv", f"conv{k}", weight, bias, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
        statistics = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        names = [
            writer.constant(f"norm{k}.{n}", s.detach().numpy())
            for n, s in zip(("scale", "bias", "mean", "var"), statistics)
        ]
        writer.node("BatchNormalization", f"norm{k}", *names, epsilon=norm.eps)
        writer.node("Relu", f"relu{k}")
        writer.node("MaxPool", f"pool{k}", kernel_shape=[2, 2], strides=[2, 2])
    writer.node("Flatten", "flatten", axis=1)
    last = net[9]
    weight = writer.constant("fc.weight", last.weight.detach().numpy().T)
    writer.node("Gemm", "fc", weight, writer.constant("fc.bias", last.bias.detach().numpy()))
    writer.save(Path(__file__).with_name("digits_cnn.onnx"), 10)
    with torch.no_grad():
        test = torch.tensor(data.x_test / 16.0, dtype=torch.float32).reshape(-1, 1, 8, 8)
        found = net(test).argmax(1).numpy()
    print(f"test accuracy {(found == data.y_test).mean():.4f}")


if __name__ == "__main__":
    main()
