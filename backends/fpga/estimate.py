"""Figures of a design that are known without synthesis."""

from __future__ import annotations

from collections.abc import Mapping

from nc.backends.fpga.aims import delays_of, device_of, family_of
from nc.backends.fpga.design import HEAPS, TERNARY, WIDEST_HEAP, Design
from nc.backends.synth.devices import Device
from nc.compiler.streaming.cost import Cost, logic
from nc.compiler.words.delay import TECHNOLOGIES, longest_ns
from nc.compiler.words.sums import is_popcount
from nc.hdl.word_heaps import plan
from nc.hdl.word_layout import adder_cells
from nc.ir.words import Kind, WordGraph


def estimate(design: Design) -> Mapping[str, object]:
    """Operations, adder bits, registers, latency; on Xilinx the adders' exact LUT sites and carry bits."""
    words = design.words
    registers = words.kind == Kind.REG
    figures: dict[str, object] = {
        "nodes": len(words),
        "adders": words.adders,
        "adder_bits": int(words.bits[(words.kind == Kind.SUM) & (words.arity > 1) & ~words.concatenation].sum()),
        "popcounts": int(is_popcount(words).sum()),
        "multipliers": words.count(Kind.MUL),
        "tables": words.count(Kind.TABLE),
        "levels": int(words.level.max(initial=0)),
        "register_bits": int(words.bits[registers].sum()),
        "latency_cycles": design.latency,
        "ii_cycles": design.spec.ii,
    }
    figures |= in_time(design)
    optimise = design.options.optimise
    if optimise.technology in TERNARY and optimise.mapped_adders:
        figures["adder_luts"], figures["carry_bits"] = xilinx_adders(words)
    if optimise.technology in HEAPS and optimise.mapped_adders:
        figures["adder_luts"] = sum(plan(shape).luts for _, shape in adder_cells(words, WIDEST_HEAP))
    return figures


def in_time(design: Design) -> dict[str, object]:
    """The device, what the design takes of it, and its speed at the clock of the delay model."""
    options, device = design.options, device_of(design.options)
    taken = resources(design)
    longest = longest_ns(design.words, TECHNOLOGIES[delays_of(options)])
    clock = 1000 / longest if longest else float(device.clock_mhz)
    if options.pipeline.clock_mhz is not None:
        clock = min(clock, options.pipeline.clock_mhz) if longest else options.pipeline.clock_mhz
    return at_clock(device, taken, clock, design.spec.latency or 0, design.spec.ii or 1)


def at_clock(device: Device, taken: Cost, clock_mhz: float, latency: int, ii: float) -> dict[str, object]:
    """The rows on device, size and speed that every style of hardware has. A result without registers takes a clock."""
    clock_mhz = round(clock_mhz, 1) or round(clock_mhz, 4)
    figures: dict[str, object] = {"device": device.name, "luts": round(taken.luts), "ffs": round(taken.ffs)}
    figures |= {"brams": taken.brams, "dsps": taken.dsps} if device.luts else {}
    if clock_mhz:
        figures |= {
            "clock_mhz": clock_mhz,
            "latency_us": round(max(1, latency) / clock_mhz, 3),
            "samples_per_second": round(clock_mhz * 1e6 / max(ii, 1)),
        }
    return figures


def resources(design: Design) -> Cost:
    """LUTs, flip-flops and DSP blocks of the words, and the registers at the ports where they are narrower."""
    device, spec = device_of(design.options), design.spec
    inputs, outputs = sum(p.width for p in spec.inputs), sum(p.width for p in spec.outputs)
    ports = Cost(design.latency + 8, design.latency + 4)
    if spec.s_width < inputs:
        ports += Cost(inputs + 16, inputs + 16)
    if spec.m_width < outputs:
        ports += Cost(outputs + 16, outputs + 16)
    return logic(design.words, family_of(device)) + ports


def xilinx_adders(words: WordGraph) -> tuple[int, int]:
    """LUT sites and carry bits of all adder cells."""
    shapes = [shape for _, shape in adder_cells(words)]
    return sum(s.luts for s in shapes), sum(s.chain for s in shapes)
