"""The FPGA design: a pipelined word graph between two streams."""

from __future__ import annotations

from dataclasses import dataclass

from nc.backends.fpga.aims import delays_of, port_width, registers, technology
from nc.backends.fpga.options import Optimise, Options
from nc.compiler.words.collapse import Collapse
from nc.compiler.words.delay import TECHNOLOGIES
from nc.compiler.words.low_bits import DeadLowBits
from nc.compiler.words.lower import lower
from nc.compiler.words.matvec import MatvecOptions
from nc.compiler.words.pipeline import Pipeline
from nc.compiler.words.sums import SumTrees
from nc.hdl.stream import StreamTop, outer, stream_spec, width_of
from nc.hdl.word_layout import WIDEST
from nc.hdl.words import WordDesign
from nc.ir.graph import Graph
from nc.ir.loops import Loop, open_loops
from nc.ir.stream import StreamSpec
from nc.ir.words import WordGraph

TERNARY = ("xilinx",)
"""Families whose ternary adders take no more LUTs than binary ones."""

CELLS = ("xilinx", "ice40", "ecp5", "lut6")
"""Families for which adders are cells of their own, so that Yosys keeps each on a carry chain: it would otherwise
merge chains of them (`alumacc`) into carry-save adders, which take three LUTs a bit instead of two."""


HEAPS = ("lut6",)
"""Architectures without carry chains: sums of any number of operands are heaps of bits under counters."""

WIDEST_HEAP = 64

ADDERS = {"xilinx": (2, 1.0, 1.0), "lut6": (3, 3.0, 1.5)}
"""What adders take (see `Collapse.adder`): ternary ones, heaps."""

OPERAND = {"xilinx": 0.5, "lut6": 1.0}
"""LUTs a bit that one more operand of a sum takes, by families of LUT6."""


@dataclass(frozen=True)
class Design:
    """`words`: the graph with registers; `latency`: register stages of the core; `options` with what
    its device implies; `loops`: ports of `words` that carry the state of a network with memory from one vector to the
    next."""

    words: WordGraph
    latency: int
    options: Options
    loops: tuple[Loop, ...] = ()

    def core(self, *, inline: bool) -> WordDesign:
        """The words alone; `inline` has shared cells dissolved, for Amaranth's own simulator."""
        optimise = self.options.optimise
        cells = optimise.technology in CELLS and optimise.mapped_adders
        heaps = optimise.technology in HEAPS and optimise.mapped_adders
        return WordDesign(
            self.words,
            cells="inline" if inline else "instances",
            adder_cells=cells,
            mapped="lut6" if heaps else "xilinx",
            widest=WIDEST_HEAP if heaps else WIDEST,
        )

    def top(self, *, inline: bool) -> StreamTop:
        """The module `top`: the core between streams."""
        return StreamTop(self.core(inline=inline), self.latency, loops=self.loops, **self.widths)

    @property
    def widths(self) -> dict[str, int | None]:
        inputs, outputs = ([p.width for p in ports] for ports in outer(self.words, self.loops))
        width = port_width(self.options, sum(inputs), sum(outputs)) or "full"
        return {"s_width": width_of(width, inputs), "m_width": width_of(width, outputs)}

    @property
    def spec(self) -> StreamSpec:
        return stream_spec(self.words, self.latency, loops=self.loops, **self.widths)


def collapse(optimise: Optimise) -> Collapse:
    """Small neurons as tables, at the prices of the technology."""
    adder = ADDERS.get(optimise.technology, (1, 1.0, 1.0)) if optimise.mapped_adders else (1, 1.0, 1.0)
    return Collapse(optimise.neuron_bits, TECHNOLOGIES[optimise.technology].lut_inputs, adder)


def build(graph: Graph, options: Options) -> Design:
    """Lower one step, choose adders, pipeline."""
    step, loops = open_loops(graph)
    asked = options
    options = options.model_copy(
        update={
            "pipeline": registers(options),
            "optimise": options.optimise.model_copy(update={"technology": technology(options)}),
        }
    )
    optimise, pipeline = options.optimise, options.pipeline
    ternary = optimise.technology in TERNARY and optimise.mapped_adders
    heaps = optimise.technology in HEAPS and optimise.mapped_adders
    search = MatvecOptions(
        effort=optimise.effort,
        max_depth=optimise.max_depth,
        by_width=optimise.weigh_widths,
        count_tables=(ternary or heaps) and optimise.count_tables,
        pack_bits=OPERAND[optimise.technology] if (ternary or heaps) and optimise.pack_bits else 0.0,
        affine_ranges=optimise.affine_ranges,
        fold_thresholds=optimise.fold_thresholds,
        small_tables=optimise.small_tables,
        argmax_differences=optimise.argmax_differences,
    )
    words = lower(step, search)
    if optimise.drop_low_bits:
        words = DeadLowBits().run(words)
    operands = WIDEST_HEAP if heaps else 3 if ternary else 2
    words = SumTrees(operands, merge=optimise.merge_sums, unshare=optimise.unshare).run(words)
    if optimise.neuron_tables:
        words = collapse(optimise).run(words)
    staged, latency = Pipeline(
        stages=pipeline.stages,
        every=pipeline.every,
        clock_mhz=pipeline.clock_mhz,
        technology=delays_of(options),
        minimise=pipeline.minimise,
        relax=pipeline.relax,
        strict=pipeline is asked.pipeline,
    ).run(words)
    return Design(staged, latency, options, loops)
