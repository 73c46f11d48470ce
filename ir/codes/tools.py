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
}
