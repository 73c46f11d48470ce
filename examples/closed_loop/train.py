"""Trains a GRU that brings a mass on a spring to rest by its position alone, and writes it as ONNX with a recording.

    python examples/closed_loop/train.py

The spring has no friction: a controller without memory, which cannot know the velocity, leaves it swinging for ever.
Gradients flow through the simulated plant (backpropagation through time). The time axis of the model is in front:
every sample is one step, and the state is kept from one to the next.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

HERE = Path(__file__).parent
STEP, STIFFNESS = 0.1, 1.0  # seconds, 1/s^2
HIDDEN, STEPS, BATCH, ROUNDS = 6, 60, 32, 200


class Controller(nn.Module):
    """Position (time, batch, 1) to force, of the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(1, HIDDEN)
        self.force = nn.Linear(HIDDEN, 1)

    def forward(self, position: torch.Tensor) -> torch.Tensor:
        return self.force(self.cell(position)[0])


def advance(position: np.ndarray, velocity: np.ndarray, force: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One step of the plant by the semi-implicit Euler method, which keeps the energy of the free spring."""
    velocity = velocity + STEP * (force - STIFFNESS * position)
    return position + STEP * velocity, velocity


def run(
    net: Controller, position: torch.Tensor, velocity: torch.Tensor, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The closed loop from states (batch,): positions as the controller sees them, and forces, (steps, batch)."""
    hidden, seen, applied = None, [], []
    for _ in range(steps):
        out, hidden = net.cell(position.reshape(1, -1, 1), hidden)
        force = net.force(out).reshape(-1)
        seen.append(position)
        applied.append(force)
        position, velocity = advance(position, velocity, force)  # type: ignore[assignment, arg-type]
    return torch.stack(seen), torch.stack(applied)


def train() -> Controller:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = Controller()
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, ROUNDS)
    for number in range(ROUNDS):
        position, velocity = 2 * torch.rand(2, BATCH) - 1
        seen, applied = run(net, position, velocity, STEPS)
        loss = (seen**2).mean() + 0.02 * (applied**2).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if number % 50 == 49:
            print(f"round {number + 1}: loss {loss.item():.4f}, last positions {seen[-20:].abs().mean().item():.4f}")
    return net


def export(net: Controller, path: Path) -> None:
    """One GRU node (gates z, r, n in ONNX's order; torch has r, z, n) and a dense one."""
    order = np.concatenate([np.arange(HIDDEN) + HIDDEN * gate for gate in (1, 0, 2)])
    own = {name: value.detach().numpy() for name, value in net.named_parameters()}
    weights = {
        "W": own["cell.weight_ih_l0"][order][None],
        "R": own["cell.weight_hh_l0"][order][None],
        "B": np.concatenate([own["cell.bias_ih_l0"][order], own["cell.bias_hh_l0"][order]])[None],
        "V": own["force.weight"].T,
        "b": own["force.bias"],
        "one": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("GRU", ["position", "W", "R", "B"], ["h"], "gru", hidden_size=HIDDEN, linear_before_reset=1),
        helper.make_node("Squeeze", ["h", "one"], ["s"], "squeeze"),
        helper.make_node("MatMul", ["s", "V"], ["m"], "force"),
        helper.make_node("Add", ["m", "b"], ["force"], "force/bias"),
    ]
    graph = helper.make_graph(
        nodes,
        "controller",
        [helper.make_tensor_value_info("position", TensorProto.FLOAT, ["time", 1, 1])],
        [helper.make_tensor_value_info("force", TensorProto.FLOAT, ["time", 1, 1])],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def record(net: Controller, runs: int = 12) -> np.ndarray:
    """Positions of closed loops one after another, (runs * STEPS, 1, 1): calibration data."""
    with torch.no_grad():
        position, velocity = 2 * torch.rand(2, runs) - 1
        seen, _ = run(net, position, velocity, STEPS)
    return seen.T.reshape(-1, 1, 1).numpy()


def main() -> None:
    net = train()
    export(net, HERE / "controller.onnx")
    np.savez_compressed(HERE / "recording.npz", x=record(net))


if __name__ == "__main__":
    main()
