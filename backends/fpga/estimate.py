"""Figures of a design that are known without synthesis."""

from __future__ import annotations

from collections.abc import Mapping

from nc.backends.fpga.design import HEAPS, TERNARY, WIDEST_HEAP, Design
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
    optimise = design.options.optimise
    if optimise.technology in TERNARY and optimise.mapped_adders:
        figures["adder_luts"], figures["carry_bits"] = xilinx_adders(words)
    if optimise.technology in HEAPS and optimise.mapped_adders:
        figures["adder_luts"] = sum(plan(shape).luts for _, shape in adder_cells(words, WIDEST_HEAP))
    return figures


def xilinx_adders(words: WordGraph) -> tuple[int, int]:
    """LUT sites and carry bits of all adder cells."""
    shapes = [shape for _, shape in adder_cells(words)]
    return sum(s.luts for s in shapes), sum(s.chain for s in shapes)
