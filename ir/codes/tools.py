"""Codes 5xx: tools, simulation, synthesis."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC500": Code(
        "a tool is missing",
        "The work asked for needs a program or a Python package that is not installed here. The help line is the "
        "command that installs it; `nc doctor` lists every tool, its version and what needs it.",
    ),
}
