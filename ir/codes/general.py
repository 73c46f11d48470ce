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
    "NC003": Code(
        "wrong usage",
        "The command line names a command, option or argument that does not exist, leaves out one that is "
        "needed, or gives it a value of the wrong kind. `nc COMMAND --help` shows what is accepted, with an "
        "example.",
    ),
    "NC004": Code(
        "out of memory",
        "The job needs more memory than this machine gives it. Sizes of input files are checked before they "
        "are read, so the model itself is large: use fewer samples (--vectors), a smaller model, or a target "
        "that keeps tensors whole.",
    ),
    "NC005": Code(
        "file cannot be read or written",
        "The operating system refused access to a file: it does not exist, permissions forbid it, or the disk "
        "is full. Nothing was left half written: a build folder is exchanged only when it is complete.",
    ),
    "NC006": Code(
        "unknown error code",
        "`nc explain` knows the codes that nc prints in square brackets, such as NC210.",
    ),
    "NC007": Code(
        "unknown model format",
        "A model is recognised by the suffix of its file: .onnx (float, QDQ, QLinear or QONNX), .nir (spiking), "
        ".pt2 (a program saved by torch.export). Pickled torch checkpoints (.pt, .pth) are never loaded, since "
        "loading one runs code: export the module with torch.export.save, or call nc.compiler.compile on it.",
    ),
    "NC008": Code(
        "examples not found",
        "`nc demo` compiles a network of the repository's examples/, which an installed package does not hold. Run "
        "it in a clone, where `make demo` also installs what it needs.",
    ),
}
