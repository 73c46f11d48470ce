"""Codes 1xx: model files and their frontends."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC101": Code(
        "unreadable model file",
        "The file is not an ONNX model: it is truncated, damaged, or something else. Nothing of it was used. Export "
        "the model again and check the download.",
    ),
    "NC102": Code(
        "unsupported operator",
        "The frontend has no translation for an operator of the model. docs/onnx.md lists what is supported. Replace "
        "the layer before export, or write the missing translation: it is one function in "
        "nc.compiler.frontends.onnx.",
    ),
    "NC103": Code(
        "unsupported form of an operator",
        "The operator is known, but not with these attributes, types or operands. The help line says which form works.",
    ),
    "NC104": Code(
        "operand must be constant",
        "Hardware is built for fixed weights, shapes, indices and scales, so these operands must be initialisers or "
        "follow from initialisers alone.",
    ),
    "NC105": Code(
        "batch axis used as data",
        "The leading axis of every input is the batch; the hardware sees one sample at a time. An operation that mixes "
        "samples (joins, moves, reduces or indexes that axis) therefore has no meaning. If the model's leading axis "
        "is not a batch, say --batch none (batch=None in Python), or --batch 1 where it is another axis. A model of a "
        "fixed batch of several samples is best exported with one sample, or with a dynamic batch axis.",
    ),
    "NC106": Code(
        "dynamic shape",
        "Every extent but the batch must be a known number, because the hardware is built for it. Fix the dimension at "
        "export, or say --shape NAME=N,N,... (shapes={name: [...]} in Python).",
    ),
    "NC107": Code(
        "cycle in the model",
        "Nodes of the model wait for each other's results, so none of them can be computed first. ONNX graphs are "
        "acyclic; the file was written by a faulty tool.",
    ),
    "NC108": Code(
        "missing tensor",
        "A node or an output names a tensor that is neither an input, an initialiser nor the result of a node. The "
        "weights were probably stripped from the file.",
    ),
    "NC109": Code(
        "malformed model",
        "The model breaks a rule of the ONNX format: a wrong number of operands, an unknown or ill-typed attribute, "
        "or a name that is defined twice.",
    ),
    "NC110": Code(
        "malformed tensor data",
        "The stored bytes of a constant do not match its declared type and shape.",
    ),
    "NC111": Code(
        "NaN or infinite weights",
        "A constant that takes part in arithmetic holds NaN or infinity, which no integer hardware can represent. The "
        "training diverged, or the file is damaged.",
    ),
    "NC112": Code(
        "external data refused",
        "Weights stored beside the model must lie in the model's own folder; absolute paths, '..' and links that lead "
        "out of it are refused, so that a model cannot read other files.",
    ),
    "NC113": Code(
        "tensor too large",
        "A tensor of the model passes the importer's bound of elements. The bound is checked before memory is "
        "allocated.",
    ),
    "NC114": Code(
        "unsupported element type",
        "Tensors hold floats, integers or booleans. Strings, complex numbers, sequences, maps, and optional values "
        "have no hardware form.",
    ),
    "NC115": Code(
        "unsupported operator set",
        "Operator sets 7 to the newest that the installed onnx package knows are read. Convert older models with "
        "onnx.version_converter; update onnx for newer ones.",
    ),
    "NC116": Code(
        "integer arithmetic may wrap",
        "In ONNX a small integer type wraps around silently. The exact result of this operation can leave its type, so "
        "the hardware would differ from the model.",
    ),
    "NC117": Code(
        "module cannot be exported",
        "torch could not turn the module into a graph of operators. Control flow that depends on data, in-place "
        "tricks and Python objects in forward are the usual causes.",
    ),
    "NC118": Code(
        "archive with code refused",
        "The archive holds pickled Python objects, which can run code when they are loaded. Only plain "
        "tensors are read.",
    ),
}
