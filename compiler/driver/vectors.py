"""Test vectors: integers at the ports, from DATA or drawn at random, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nc.compiler.config import Settings
from nc.compiler.data import Dataset
from nc.compiler.driver.forms import Array, Form
from nc.ir.stream import Probe, StreamSpec

DEFAULT_VECTORS = 256
LONGEST = 500_000  # clock cycles that a run without a wish should take


@dataclass(frozen=True)
class Vectors:
    """Arrays (N, *shape): `inputs` and `expected` by port name, `probes` by layer."""

    inputs: Mapping[str, Array]
    expected: Mapping[str, Array]
    probes: Mapping[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.expected.values())))

    def at(self, spec: StreamSpec) -> tuple[list[Array], list[Array]]:
        """Inputs and expectations in the order of the stream's ports."""
        return [self.inputs[p.name] for p in spec.inputs], [self.expected[p.name] for p in spec.outputs]


def default_vectors(spec: StreamSpec | None, estimate: Mapping[str, object], most: int = DEFAULT_VECTORS) -> int:
    """How many vectors a run takes when nobody says: fewer than `most` where one takes long, at least two. `estimate`:
    the target's, with `ii_cycles_most` where the cycles of a vector depend on data."""
    if spec is None:
        return most
    period = spec.ii or estimate.get("ii_cycles_most") or 1
    assert isinstance(period, int)
    return max(2, min(most, LONGEST // (3 * period)))  # once without stalls, once with


def make_vectors(
    form: Form,
    integer: Any,
    taken: Any,
    data: Dataset | None,
    count: int | None,
    settings: Settings,
    probes: Sequence[Probe] = (),
) -> Vectors:
    """The first `count` samples of `data` (all without `count`), or `count` random vectors (256 without).

    `integer` is the truth and says what the ports mean; `taken` is the same at the stage that the backend takes, whose
    layers the probes name. Probes of layers that it does not know are left out.
    """
    if data is not None:
        inputs = form.bind(integer, data if count is None else data.head(count), settings)
    else:
        inputs = form.draw(integer, count or DEFAULT_VECTORS, settings)
    return Vectors(inputs, *form.watch(taken, inputs, [p.layer for p in probes]))
