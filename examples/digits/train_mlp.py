"""Trains the float MLP 64-16-10 on the digits and writes digits_mlp.onnx. Run: python examples/digits/train_mlp.py"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from datasets import digits  # noqa: E402
from digits.write_onnx import Writer  # noqa: E402

HIDDEN, EPOCHS, L1 = 16, 400, 2e-4


def main() -> None:
    torch.manual_seed(3)
    torch.use_deterministic_algorithms(True)
    data = digits()
    x, y = torch.tensor(data.x_train / 16.0, dtype=torch.float32), torch.tensor(data.y_train)
    net = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    optimiser = torch.optim.Adam(net.parameters(), 5e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            size = sum(p.abs().sum() for p in net.parameters())  # small weights quantise to fewer digits
            (nn.functional.cross_entropy(net(x[batch]), y[batch]) + L1 * size).backward()
            optimiser.step()
        schedule.step()
    first, second = net[0], net[2]
    writer = Writer("digits_mlp", (64,))
    for name, layer, scale in (("fc1", first, 1 / 16), ("fc2", second, 1.0)):
        weight = writer.constant(f"{name}.weight", layer.weight.detach().numpy().T * scale)
        bias = writer.constant(f"{name}.bias", layer.bias.detach().numpy())
        writer.node("Gemm", name, weight, bias)
        if name == "fc1":
            writer.node("Relu", "relu1")
    writer.save(Path(__file__).with_name("digits_mlp.onnx"), 10)
    with torch.no_grad():
        found = net(torch.tensor(data.x_test / 16.0, dtype=torch.float32)).argmax(1).numpy()
    print(f"test accuracy {(found == data.y_test).mean():.4f}")


if __name__ == "__main__":
    main()
