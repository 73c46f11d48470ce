"""Codes 8xx: superconducting SFQ — cell libraries, balancing, pulses, circuits."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC801": Code(
        "bad cell library",
        "An SFQ cell library is a YAML file of cells: inputs, outputs, jj, delay, bias, width, limits and a state "
        "machine that says for every state and input where it goes and what it fires. The built-in library "
        "(backends/sfq/cells.yaml) is the pattern.",
    ),
    "NC802": Code(
        "netlist is not combinational",
        "Path balancing takes a combinational netlist: each of its gates becomes one clocked cell. Flip-flops of the "
        "source have no place in it yet; cut the design at its registers.",
    ),
    "NC803": Code(
        "illegal SFQ netlist",
        "A balanced netlist must be legal: every wire consumed exactly once, every input of a clocked cell produced "
        "one to `phases` stages before it, and no loop of clocked cells.",
    ),
    "NC804": Code(
        "not equivalent",
        "The mapped or balanced netlist differs from its source: a defect of the flow; please report it with the file.",
    ),
    "NC805": Code(
        "too large for the budget",
        "The network needs more Josephson junctions than `max_jj` allows when it is unrolled. The message names the "
        "layer and the excess; time-multiplex it, prune it, or raise the budget.",
    ),
    "NC806": Code(
        "unsupported operation for SFQ",
        "The sfq target takes networks that end in bits: weights, thresholds and popcounts with small integers.",
    ),
    "NC811": Code(
        "pulse timing violation",
        "A pulse came too early after another one at the same cell (setup, hold or critical time). The message names "
        "cell, input, time and the earliest legal time; lower the clock rate or separate the pulses.",
    ),
    "NC821": Code(
        "bad circuit deck",
        "The deck is not in the subset of JoSIM's language that the circuit solver reads: B, R, L, C, K, T, P, V, I, "
        "X elements, .model jj, .param, .subckt, .tran, .print, .temp, .spread, .end.",
    ),
    "NC822": Code(
        "circuit solver did not converge",
        "The fixed-point iteration of a time step did not settle: the step is too long for the circuit, or a node has "
        "no capacitance and no path to ground. Halve the step.",
    ),
}
