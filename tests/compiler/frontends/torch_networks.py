"""Small torch networks as people write them, by name, each with the shape of one sample. Imported where torch is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Last(nn.Module):
    """A recurrent layer, its last step, a head."""

    def __init__(self, layer: nn.Module, width: int, first: bool = True, hidden: bool = False) -> None:
        super().__init__()
        self.layer, self.head, self.first, self.hidden = layer, nn.Linear(width, 3), first, hidden

    def forward(self, x: torch.Tensor) -> Any:
        made, state = self.layer(x if self.first else x.transpose(0, 1))
        if self.hidden:
            return self.head(state[-1])
        return self.head(made[:, -1] if self.first else made[-1])


class Whole(nn.Module):
    """A recurrent layer and a head at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(torch.relu(self.layer(x)[0]))


class Attention(nn.Module):
    def __init__(self, first: bool) -> None:
        super().__init__()
        self.first, self.attend, self.head = first, nn.MultiheadAttention(8, 2, batch_first=first), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> Any:
        x = x if self.first else x.transpose(0, 1)
        made = x + self.attend(x, x, x, need_weights=False)[0]
        return self.head(made.mean(1 if self.first else 0))


class Encoder(nn.Module):
    def __init__(self, first: bool) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=first)
        self.first, self.layer, self.head = first, layer, nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> Any:
        made = self.layer(x) if self.first else self.layer(x.permute(1, 0, 2)).permute(1, 0, 2)
        return self.head(made[:, 0])


class Excite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.gate = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 4), nn.Sigmoid())
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> Any:
        x = self.conv(x)
        n, c = x.shape[:2]
        x = x * self.gate(x.mean((2, 3)).view(n, c)).view(n, c, 1, 1)
        return self.head(nn.functional.adaptive_avg_pool2d(x, 1).view(x.size(0), -1))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = nn.Conv1d(2, 4, 3, padding=1), nn.Conv1d(4, 4, 3, padding=1)
        self.up, self.out = nn.ConvTranspose1d(4, 4, 2, stride=2), nn.Conv1d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> Any:
        skip = torch.relu(self.down(x))
        deep = torch.relu(self.deep(nn.functional.max_pool1d(skip, 2)))
        return self.out(torch.cat([skip, self.up(deep)], 1))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.two, self.short = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(2, 4, 1)
        self.head = nn.Linear(4 * 36, 3)

    def forward(self, x: torch.Tensor) -> Any:
        made = torch.relu(self.two(torch.relu(self.one(x))) + self.short(x))
        return self.head(torch.flatten(made, 1))


class Shuffle(nn.Module):
    """Channels moved between groups, as ShuffleNet does, by views that name the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(4, 8, 1, groups=2), nn.Conv2d(8, 8, 3, groups=8)

    def forward(self, x: torch.Tensor) -> Any:
        x = self.one(x)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.two(x).mean((2, 3))


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(2, 4), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.table(x).mean(1))


class Steps(nn.Module):
    """One layer for every step, the batch and time merged: view(-1, features)."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(3, 4), nn.Linear(20, 2)

    def forward(self, x: torch.Tensor) -> Any:
        made = torch.tanh(self.layer(x.reshape(-1, 3)))
        return self.head(made.view(-1, 5 * 4))


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.one, self.two = nn.Linear(6, 5), nn.Linear(5, 3), nn.Linear(5, 1)

    def forward(self, x: torch.Tensor) -> Any:
        body = torch.relu(self.body(x))
        return self.one(body), torch.sigmoid(self.two(body))


class Mixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.time, self.head = nn.LayerNorm(4), nn.Linear(5, 5), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> Any:
        x = x + self.time(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return self.head(x.amax(1))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "lstm": (lambda: Last(nn.LSTM(3, 4, batch_first=True), 4), (5, 3)),
    "lstm_time_first": (lambda: Last(nn.LSTM(3, 4), 4, first=False), (5, 3)),
    "lstm_two_layers_hidden": (lambda: Last(nn.GRU(3, 4, num_layers=2, batch_first=True), 4, hidden=True), (5, 3)),
    "gru_both_ways": (lambda: Last(nn.GRU(3, 4, batch_first=True, bidirectional=True), 8), (5, 3)),
    "gru_every_step": (Whole, (5, 3)),
    "rnn": (lambda: Last(nn.RNN(3, 4, batch_first=True), 4), (5, 3)),
    "attention": (lambda: Attention(True), (5, 8)),
    "attention_time_first": (lambda: Attention(False), (5, 8)),
    "encoder": (lambda: Encoder(True), (5, 8)),
    "encoder_time_first": (lambda: Encoder(False), (5, 8)),
    "conv1d": (lambda: nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2)), (2, 8)),
    "excite": (Excite, (2, 6, 6)),
    "unet": (UNet, (2, 8)),
    "residual": (Residual, (2, 6, 6)),
    "shuffle": (Shuffle, (4, 6, 6)),
    "group_norm": (lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.GroupNorm(2, 4), nn.ReLU()), (2, 8)),
    "embedding": (Words, (5,)),
    "merged_steps": (Steps, (5, 3)),
    "heads": (Heads, (6,)),
    "mixer": (Mixer, (5, 4)),
}
