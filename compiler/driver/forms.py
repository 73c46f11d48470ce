"""The kinds of model that the front door knows, behind one protocol: tensor graphs, spiking networks, and both.

Commands ask a form for what they need and never look inside a model. The form of a model is found by its type and
the target's stage, that of a build by its files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nc.compiler.answers import Answer
from nc.compiler.builds.graphs import INTEGER, Names
from nc.compiler.config import Settings
from nc.compiler.data import Dataset
from nc.compiler.progress import Stopwatch
from nc.ir.diagnostics import Where, fail

Array = NDArray[Any]
Arrays = dict[str, Array]


class Figures(NamedTuple):
    """What `nc compile` reports of a model in integers. `bits`: width of the widest integer."""

    ops: int
    parameters: int
    bits: int


class Row(NamedTuple):
    """One thing a model consists of: what it does, its type or size, its name in the model file."""

    op: str
    type: str
    origin: str


class Description(NamedTuple):
    """What `nc inspect` shows. Ports by name, with their types."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    rows: Sequence[Row]


class Form(Protocol):
    """One kind of model. `real` is the model as it was read, `integer` its exact integers: the truth."""

    word: str
    """The first word of model.nc."""

    def to_integers(self, real: Any, settings: Settings, calibration: Dataset | None, watch: Stopwatch) -> Any: ...

    def to_stage(self, integer: Any, stage: str, watch: Stopwatch) -> Any:
        """The integer model as a backend of that stage takes it."""
        ...

    def write(self, model: Any, folder: Path, names: Names) -> None: ...

    def read(self, folder: Path, names: Names, settings: Settings) -> Any: ...

    def bind(self, model: Any, data: Dataset, settings: Settings) -> dict[str, Array]:
        """The arrays that `run` takes, from DATA: integers for an integer model, real numbers for a real one."""
        ...

    def draw(self, integer: Any, count: int, settings: Settings) -> dict[str, Array]:
        """Random integers of the ports' ranges, `count` vectors, from the configured seed."""
        ...

    def run(self, model: Any, inputs: Mapping[str, Array]) -> Arrays:
        """Outputs by port name; arrays (N, *shape)."""
        ...

    def watch(self, model: Any, inputs: Mapping[str, Array], layers: Sequence[str]) -> tuple[Arrays, Arrays]:
        """Outputs by port name, and the named layers as far as the model knows them. A layer may be called as a port
        is: a node without a name is called by its result."""
        ...

    def decide(self, model: Any, outputs: Mapping[str, Array], reference: Any = None) -> NDArray[np.int64]:
        """The class of each sample (N,), by the first output."""
        ...

    def answers(
        self, model: Any, outputs: Mapping[str, Array], reference: Any = None, real: Any = None
    ) -> list[Answer]:
        """Every output's decisions and numbers. `real`: the model as it was read, `reference` of the same name here."""
        ...

    def reference(self, real: Any, settings: Settings) -> Any:
        """The float model with its outputs as the integer model has them: logits, where a softmax is left out."""
        ...

    def layers(self, model: Any) -> list[str]:
        """The names of the layers that `watch` knows, inputs and constants left out, in the order of evaluation."""
        ...

    def results(self, model: Any, outputs: Mapping[str, Array]) -> Arrays:
        """The outputs of `run` by the names of the model's outputs."""
        ...

    def real(self, model: Any, name: str, values: Array, layer: bool = False) -> Array:
        """What the values of an output, or of a layer, stand for; as they are where they stand for themselves."""
        ...

    def shapes(self, model: Any) -> Mapping[str, tuple[int, ...]]:
        """Sample shapes by input name, {} where the model does not fix them: what a reader of DATA can know."""
        ...

    def figures(self, integer: Any) -> Figures: ...

    def describe(self, model: Any) -> Description: ...


def form_of(model: Any, stage: str) -> Form:
    """The form of a model in memory for a backend of that stage: a tensor graph becomes spiking where it must."""
    from nc.ir.graph import Graph

    if isinstance(model, Graph) and stage == "spiking":
        from nc.compiler.driver.converted_form import CONVERTED

        return CONVERTED
    if isinstance(model, Graph):
        from nc.compiler.driver.tensor_form import TENSOR

        return TENSOR
    from nc.compiler.driver.spiking_form import SPIKING

    return SPIKING


def stage_of(backend: Any, integer: Any, options: Any) -> str:
    """The stage at which a backend takes a model: its own, or what its `stage_for(model, options)` says."""
    choose = getattr(backend, "stage_for", None)
    stage: str = choose(integer, options) if choose is not None else backend.stage
    return stage


def form_in(folder: Path) -> Form:
    """The form of a build (NC424 when model.nc begins with neither word)."""
    from nc.compiler.driver.converted_form import CONVERTED, GRAPH
    from nc.compiler.driver.spiking_form import SPIKING
    from nc.compiler.driver.tensor_form import TENSOR

    if (folder / GRAPH.text).is_file():
        return CONVERTED
    forms: dict[str, Form] = {TENSOR.word: TENSOR, SPIKING.word: SPIKING}
    path = folder / INTEGER.text
    first = ""
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            first = file.readline(64).split(" ", 1)[0]
    if first not in forms:
        fail("NC424", f"{INTEGER.text} must begin with 'graph' or 'spiking'", where=Where(file=str(path)),
             help="compile the model again")  # fmt: skip
    return forms[first]
