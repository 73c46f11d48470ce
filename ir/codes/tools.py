"""Codes 5xx: tools, simulation, synthesis."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC500": Code(
        "a tool is missing",
        "The work asked for needs a program or a Python package that is not installed here. The help line is the "
        "command that installs it; `nc doctor` lists every tool, its version and what needs it.",
    ),
    "NC501": Code(
        "a tool failed",
        "An external program ended with an error. The last lines of its output are shown, and the help line names "
        "the file with all of it. For hardware that nc generated this is a defect of nc: please report it.",
    ),
    "NC502": Code(
        "a tool took too long",
        "An external program was stopped, with everything it had started, at its time limit. Large designs need more "
        "time or a smaller form: fold layers, compile for streaming, or raise the limit.",
    ),
    "NC510": Code(
        "vectors do not fit the ports",
        "A test bench needs one array a tensor, with the vector's index first, each of the shape that its port has, "
        "and every value within the port's bits.",
    ),
    "NC511": Code(
        "unknown simulation engine",
        "The engine is one of verilator, icarus, amaranth (all run the hardware) or golden (the integer graph); "
        "auto takes the first of the hardware engines that is installed.",
    ),
    "NC512": Code(
        "a build without a bench",
        "The build directory holds no tb/run.py: it was not written by `nc compile`, is incomplete, or its target "
        "emits no hardware description.",
    ),
    "NC513": Code(
        "no Amaranth module to simulate",
        "Amaranth's own simulator runs the module from which the Verilog was written, with the stream ports "
        "s_tdata, s_tvalid, s_tready, s_tlast and m_tdata, m_tvalid, m_tready, m_tlast. Other engines take "
        "the Verilog.",
    ),
    "NC520": Code(
        "unknown device",
        "`nc devices` lists what can be synthesised for. xcup, lut4 and lut6 are synthesised only; iCE40 and ECP5 "
        "devices are also placed and routed.",
    ),
    "NC521": Code(
        "unresolved module, memory or cell",
        "The design refers to a module, a file or a memory that nobody defines, or a cell of the result is none of "
        "the device's. Synthesis would drop what it drives and report a design that is too small, so it is an error.",
    ),
    "NC522": Code(
        "synthesis ran out of memory",
        "Yosys reached the memory limit. Keeping the hierarchy (each module is then optimised once) takes less.",
    ),
    "NC523": Code(
        "the design does not fit the device",
        "The device has fewer pins, LUTs, flip-flops, memories or multipliers than the design needs; all that lack "
        "are listed. A narrower stream port, folding, or a larger device helps.",
    ),
    "NC524": Code(
        "no place and route for this device",
        "Only iCE40 and ECP5 devices have an open place and route here. Leave out --pnr to synthesise.",
    ),
    "NC525": Code(
        "not a usable Liberty file",
        "`--liberty` takes a Liberty (.lib) file: one library group with cells, each with its area and function.",
    ),
    "NC526": Code(
        "the library lacks a cell",
        "Technology mapping left a generic cell in the result, since no cell of the library implements it: most often "
        "a kind of flip-flop. Add the cell, or synthesise a combinational design.",
    ),
    "NC527": Code(
        "the netlist differs from its source",
        "A proof or a simulation found inputs for which the synthesised netlist and the design that it was made from "
        "give different outputs. This is a defect of a tool or of nc: please report it.",
    ),
    "NC528": Code(
        "undriven or contested signal, or a combinational loop",
        "A signal that is read has no driver or several, or logic feeds itself without a register. Simulators and "
        "synthesisers give such a design different meanings, so it is refused.",
    ),
    "NC529": Code(
        "unknown board, or a build that no board can take",
        "`nc devices` lists the boards. A build goes onto a board through its AXI4-Stream ports, which builds of the "
        "targets fpga, threshold and neuromorphic have.",
    ),
    "NC530": Code(
        "the design is slower than the board's clock",
        "On a board the design runs at the clock of the board, and place and route found that it cannot. More pipeline "
        "stages (`--set pipeline.stages=4`) make it faster.",
    ),
    "NC532": Code(
        "the placed design is slower than the clock it was made for",
        "Register placement follows a model of delays; place and route has the last word. What was asked for and what "
        "was met are both in the report. A higher pipeline.clock_mhz makes shorter stages.",
    ),
    "NC531": Code(
        "no answer, or a wrong one, over the serial line",
        "`nc host` sends a vector as a frame with a check byte and waits for the frame of its outputs. Check the port, "
        "that the bitstream is that of this build, and that no other program has the port open.",
    ),
}
