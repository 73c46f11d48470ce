"""Codes 0xx: usage of the command line, and our own defects."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC001": Code(
        "internal error",
        "An invariant of nc itself is broken. The model is not at fault; please report it with the output of "
        "the same command with --debug.",
    ),
    "NC002": Code(
        "unknown target",
        "The name given to --target is neither a built-in backend nor an installed plugin. `nc targets` lists "
        "what is known here.",
    ),
}
