"""The streaming style of the FPGA target: folded engines between FIFOs, for networks of any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nc.backends.backend import Link
from nc.backends.fpga.aims import PORT_WIDTHS, SHARE, device_of, family_of, pins
from nc.backends.fpga.aims import style as style
from nc.backends.fpga.estimate import at_clock
from nc.backends.fpga.memories import with_styles
from nc.backends.fpga.options import Options
from nc.backends.synth.devices import Device
from nc.compiler.streaming.blocks import Family
from nc.compiler.streaming.cost import Cost, cost
from nc.compiler.streaming.fold import Multipliers, default_target, for_reuse, for_target, targets
from nc.compiler.streaming.layers import Fold, Layer, layers
from nc.compiler.streaming.lower import lower
from nc.compiler.streaming.prepare import prepare
from nc.compiler.words.delay import TECHNOLOGIES, longest_ns
from nc.hdl.streaming.network import StreamingTop
from nc.hdl.verilog import rtlil_to_verilog, to_rtlil
from nc.ir.dataflow import Dataflow, Prediction, Words, dumps, predict, size_fifos
from nc.ir.dataflow.graph import DEFAULT_DEPTH
from nc.ir.dataflow.sizing import deep
from nc.ir.diagnostics import NcError, fail
from nc.ir.graph import Graph, Value
from nc.ir.interpret import evaluate as interpret
from nc.ir.stream import IntArray, StreamSpec, TensorPort

VECTORS = 20


@dataclass(frozen=True)
class StreamingDesign:
    """`flow` with sized FIFOs; `folds` by layer name; `spec` of the top module."""

    flow: Dataflow
    spec: StreamSpec
    folds: Mapping[str, tuple[Layer, Fold]]
    family: Family
    device: Device

    @cached_property
    def prediction(self) -> Prediction:
        return predict(self.flow)

    @property
    def top(self) -> StreamingTop:
        return StreamingTop(self.flow)


def build(graph: Graph, options: Options) -> StreamingDesign:
    """Fold, lower, size the FIFOs, predict. Raises NC610 to NC616."""
    graph = prepare(graph)
    found = layers(graph)
    chip = device_of(options)
    device = chip if chip.luts else None
    family = family_of(chip)
    folds = _folds(graph, found, options, device, family)
    flow = _sized(_with_pins(graph, found, folds, options, chip, family), device, family)
    prediction = predict(flow)
    spec = _spec(graph, flow, prediction)
    design = StreamingDesign(flow, spec, {la.name: (la, folds[la.value]) for la in found}, family, chip)
    design.__dict__["prediction"] = prediction
    return design


def _with_pins(
    graph: Graph, found: list[Layer], folds: Mapping[Value, Fold], options: Options, chip: Device, family: Family
) -> Dataflow:
    """The dataflow with ports as wide as asked for; with `full`, narrower where the device has fewer pins (NC615)."""
    device = chip if chip.luts else None
    flow = _lowered(graph, found, folds, options, device, family)
    if options.io.width != "full" or not chip.pins:
        return flow
    for width in PORT_WIDTHS:
        if pins(flow.input.width, flow.result.width) <= chip.pins:
            return flow
        narrow = options.model_copy(update={"io": options.io.model_copy(update={"width": width})})
        try:
            flow = _lowered(graph, found, folds, narrow, device, family)
        except NcError:  # an element is wider than that
            break
    taken = pins(flow.input.width, flow.result.width)
    if taken > chip.pins:
        fail("NC615", f"the ports must fit the {chip.pins} pins of {chip.name}, and an element of the input and one of "
             f"the output take {taken}",
             help="take a device with more pins, or an output of few bits: --set output=argmax")  # fmt: skip
    return flow


def _folds(
    graph: Graph, found: list[Layer], options: Options, device: Device | None, family: Family
) -> dict[Value, Fold]:
    section = options.fold
    if isinstance(section.reuse, int):
        return for_reuse(found, section.reuse, {})
    if section.target_ii is not None:
        folds = for_target(found, section.target_ii)
    elif device is not None and options.fit.device is not None:
        folds = _fitting(graph, found, options, device, family)
    else:
        folds = for_target(found, default_target(found))
        small = device is None or _fits(_lowered(graph, found, folds, options, device, family), device, family)
        folds = folds if small or device is None else _fitting(graph, found, options, device, family)
    return for_reuse(found, section.reuse, folds) if section.reuse is not None else folds


def _fitting(graph: Graph, found: list[Layer], options: Options, device: Device, family: Family) -> dict[Value, Fold]:
    """The quickest balanced folding whose estimate fits the device: by bisection, since less time costs more."""
    choices = targets(found)
    low, high = 0, len(choices) - 1
    while low < high:
        middle = (low + high) // 2
        folds = for_target(found, choices[middle])
        if _fits(_lowered(graph, found, folds, options, device, family), device, family):
            high = middle
        else:
            low = middle + 1
    folds = for_target(found, choices[low] if choices else 1)
    flow = _lowered(graph, found, folds, options, device, family)
    if not _fits(flow, device, family):
        taken = cost(_shallow(flow), family)
        fail("NC615", f"the folded design must fit {device.name}, and it is estimated to need {taken.luts:.0f} LUTs, "
             f"{taken.brams} block RAMs and {taken.dsps} DSPs",
             help="take a larger device, or quantise to fewer bits")  # fmt: skip
    return folds


def _fits(flow: Dataflow, device: Device, family: Family) -> bool:
    return fits(cost(_shallow(flow), family), device)


def _shallow(flow: Dataflow) -> Dataflow:
    """Without the FIFOs that are there for throughput only."""
    return flow.with_depths(dict.fromkeys(deep(flow), DEFAULT_DEPTH))


def _sized(flow: Dataflow, device: Device | None, family: Family) -> Dataflow:
    """The FIFOs that the schedule needs; those for throughput where the device has room for them."""
    sized = size_fifos(flow)
    if device is None or fits(cost(sized, family), device):
        return sized
    return size_fifos(_shallow(flow))


def fits(taken: Cost, device: Device) -> bool:
    return (
        taken.luts <= SHARE * device.luts
        and taken.ffs <= SHARE * device.ffs
        and taken.brams <= device.brams
        and taken.dsps <= device.dsps
    )


def _lowered(
    graph: Graph,
    found: list[Layer],
    folds: Mapping[Value, Fold],
    options: Options,
    device: Device | None,
    family: Family,
) -> Dataflow:
    width = None if options.io.width == "full" else int(options.io.width)
    if device is None:
        return lower(graph, found, folds, Multipliers(None), width, width)
    multipliers = Multipliers.of(found, folds, device.dsps, family)
    flow = lower(graph, found, folds, multipliers, width, width)
    over = cost(flow, family).dsps - device.dsps
    if over > 0:  # what requantisations multiply with takes blocks too
        multipliers = Multipliers.of(found, folds, max(0, device.dsps - over), family)
        flow = lower(graph, found, folds, multipliers, width, width)
    return flow


def _spec(graph: Graph, flow: Dataflow, prediction: Prediction) -> StreamSpec:
    ((label, value),) = graph.inputs.items()
    ((name, result),) = graph.outputs.items()
    into, out = flow.input.kind, flow.result.kind
    return StreamSpec(
        (TensorPort(label, graph.type(value).shape, into.bits, into.signed),),
        (TensorPort(name, graph.type(result).shape, out.bits, out.signed),),
        flow.input.width,
        flow.result.width,
        latency=prediction.latency,
        # What holds from the first sample on is demanded of the hardware.
        ii=prediction.ii if isinstance(prediction.ii, int) and not prediction.settle else None,
    )


def emit(design: StreamingDesign, folder: Path) -> None:
    """hdl/top.v, and the dataflow as text beside it (hdl/dataflow.txt)."""
    top = design.top
    hdl = folder / "hdl"
    hdl.mkdir(parents=True, exist_ok=True)
    (hdl / "top.v").write_text(with_styles(rtlil_to_verilog(to_rtlil(top, top.ports)), design.family))
    (hdl / "dataflow.txt").write_text(dumps(design.flow)[0])


def estimate(design: StreamingDesign) -> Mapping[str, object]:
    """Exact clocks, estimated resources, and how each layer is folded."""
    taken, prediction = cost(design.flow, design.family), design.prediction
    rows = {}
    for name, (layer, fold) in design.folds.items():
        rows[name] = {
            "pe": fold.pe,
            "simd": fold.simd,
            "reuse": layer.steps(fold),
            "cycles": layer.cycles(fold),
            "multipliers": fold.pe * fold.simd,
        }
    return {
        "style": "streaming",
        "actors": len(design.flow.nodes),
        "latency_cycles": prediction.latency,
        "ii_cycles": prediction.ii,
        "sample_cycles": prediction.first,
        **at_clock(design.device, taken, clock_mhz(design), prediction.latency, float(prediction.ii)),
        "layers": rows,
    }


def clock_mhz(design: StreamingDesign) -> float:
    """By the delay model: that of the slowest element-wise actor, or what engines and buffers reach."""
    model = TECHNOLOGIES.get(design.device.flow, TECHNOLOGIES["generic"])
    words = (longest_ns(node.actor.graph, model) for node in design.flow.nodes if isinstance(node.actor, Words))
    return 1000 / max(model.engine_ns, *words, 0)


def links(graph: Graph, options: Options) -> Sequence[Link]:
    """The dataflow's meaning against the integer graph, and its schedule."""
    from nc.backends.fpga.proofs import vectors

    design = build(graph, options)
    inputs = vectors(graph, VECTORS)
    want = interpret(graph, inputs)
    ((label, _),) = graph.inputs.items()
    ((name, _),) = graph.outputs.items()
    got = run(design, inputs[label])
    wrong = int((got != want[name]).reshape(VECTORS, -1).any(axis=1).sum())
    prediction = design.prediction
    verdict = "different" if wrong else "equal"
    lives = f"schedule run for {prediction.samples} samples, II {prediction.ii}; with pipelines of one token as well"
    return [
        Link("integer graph ≡ dataflow", verdict, f"{VECTORS} random vectors, {wrong} differ"),
        Link("dataflow never gets stuck", "equal", lives),
    ]


def run(design: StreamingDesign, samples: IntArray) -> IntArray:
    """The dataflow's untimed meaning on samples (N, *shape)."""
    flow, port = design.flow, design.spec.outputs[0]
    tokens = samples.reshape(len(samples), flow.input.count, flow.input.lanes)
    return flow.evaluate(tokens).reshape(len(samples), *port.shape)
