"""The named pipelines: which passes run in which order, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nc.compiler.config import Common, QuantiseSection
from nc.compiler.passes.binary_heads import BinaryHeads
from nc.compiler.passes.fold_batchnorm import FoldBatchNorm
from nc.compiler.passes.fold_constants import FoldConstants
from nc.compiler.passes.input_formats import FormatInputs
from nc.compiler.passes.integerize import Integerize
from nc.compiler.passes.lower_primitive import LowerPrimitive
from nc.compiler.passes.manager import Step
from nc.compiler.passes.pads_into_pools import PadsIntoPools
from nc.compiler.passes.ports import input_ports
from nc.compiler.passes.quantise import Quantise
from nc.compiler.passes.round_leaves import RoundLeaves
from nc.compiler.passes.signs_to_steps import SignsToSteps
from nc.compiler.passes.strip_heads import StripHeads
from nc.compiler.ports import CLASS
from nc.ir.diagnostics import Where, fail, suggest
from nc.ir.graph import Graph
from nc.ir.ops.base import Array

CLASSICAL_BITS = 2


def to_integers(graph: Graph, common: Common, calibration: Mapping[str, Array] | None) -> list[Step]:
    """From an imported float graph to the integer graph. `calibration`: inputs by name, (N, *shape), or None.

    Raises NC307, NC308 for port options and calibration data that do not fit the graph.
    """
    data = None if calibration is None else checked(graph, calibration)
    if CLASS in graph.outputs:
        common = common.model_copy(update={"quantise": _finer(common.quantise)})
    found = input_ports(graph, common, data)
    ports = found.ports
    steps = [
        Step(FormatInputs(found.formats), "scalers in front of a model become the format of its input"),
        Step(BinaryHeads(), "two probabilities of one logit are compared as the logit with 0"),
        Step(StripHeads(common.output), "softmax keeps the order of the logits; the hardware need not compute it"),
        Step(RoundLeaves(common.quantise.weight_bits), "trees need no data: their leaves are their weights"),
        Step(FoldConstants(), "later passes look for constants, not for expressions of constants"),
        Step(PadsIntoPools(), "no integer stands for minus infinity, and no quantiser may stand before the maximum"),
        Step(SignsToSteps(), "a sign is exact on integers: no quantiser is to be put around it"),
    ]
    if data is not None:
        steps += [
            Step(FoldBatchNorm(), "before weights get scales: a norm would otherwise need its own multiplier"),
            Step(Quantise(common.quantise, data, ports), "integers wherever the hardware multiplies or tabulates"),
        ]
    steps.append(Step(Integerize(ports, common.output), "scales and norms vanish into exact integer staircases"))
    return steps


def unquantised(graph: Graph, output: str) -> Graph:
    """The graph as `Quantise` meets it, formats of ports aside: by its places without quantiser one sees, before and
    after compiling, what calibration data round."""
    for step in (StripHeads(output), FoldConstants(), PadsIntoPools(), SignsToSteps(), FoldBatchNorm()):
        graph = step.run(graph)
    return graph


def _finer(section: QuantiseSection) -> QuantiseSection:
    """Two more bits where nothing else is asked for: a classical model has a layer or two, which average no errors."""
    free = {"weight_bits", "activation_bits"} - section.model_fields_set
    return section.model_copy(update={name: getattr(section, name) + CLASSICAL_BITS for name in free})


def to_primitives() -> list[Step]:
    """From the integer graph to the closed set of primitives."""
    return [Step(LowerPrimitive(), "spatial backends see rewiring and matrix products, not convolutions")]


def checked(graph: Graph, calibration: Mapping[str, Array]) -> dict[str, Array]:
    """Calibration data as floats. Raises NC308."""
    arrays = {}
    for label, value in graph.inputs.items():
        if label not in calibration:
            fail("NC308", f"calibration data must have input '{label}'", help=suggest(label, calibration))
        array = np.asarray(calibration[label], np.float64)
        want = graph.type(value).shape
        if array.shape[1:] != want or not len(array):
            fail(
                "NC308",
                f"calibration data for '{label}' must have shape (N, {', '.join(map(str, want))}), not {array.shape}",
                where=Where(tensor=label),
            )
        if not np.all(np.isfinite(array)):
            fail("NC308", f"calibration data for '{label}' must be finite", where=Where(tensor=label))
        arrays[label] = array
    return arrays
