"""Codes 2xx: types, operations and the graph itself."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC201": Code(
        "shapes do not broadcast",
        "Element-wise operations follow numpy's broadcasting on the shapes of one sample: trailing axes must be equal "
        "or 1.",
    ),
    "NC202": Code(
        "integers mixed with floats",
        "An exact integer (with a range) cannot meet a float in one operation: the result would have no exact meaning. "
        "Quantise the float operand or dequantise the integer one.",
    ),
    "NC203": Code(
        "integers wider than 64 bits",
        "A chain of exact integer operations has a possible result that needs more than 64 bits. Networks quantise "
        "between layers; put a quantiser where the message points.",
    ),
    "NC204": Code(
        "axis out of range", "Axes count from 0 over the shape of one sample; the batch axis is not counted."
    ),
    "NC205": Code(
        "operands do not fit the operation",
        "Shapes, element kinds or the number of operands differ from what the operation takes.",
    ),
    "NC206": Code(
        "malformed graph text",
        "model.nc could not be parsed. The line and the offending words are named; the syntax is described in "
        "docs/ir.md.",
    ),
    "NC207": Code(
        "illegal operation at this stage",
        "Each stage of the compiler (float, integer, primitive) has a fixed set of legal operations. A pass left one "
        "that the next step cannot take, or the model has an operation without an integer form.",
    ),
    "NC208": Code(
        "wrong input to the interpreter",
        "An input tensor has the wrong shape, kind or range for the graph's input of that name.",
    ),
    "NC209": Code(
        "cycle without a state",
        "Values may depend on themselves only through a 'state' operation, which delays by one time step.",
    ),
    "NC210": Code(
        "threshold output range",
        "A multi-threshold counts the thresholds that its input reaches; its declared output must be that range.",
    ),
    "NC211": Code(
        "operand must be constant",
        "The operation takes this operand at compile time only (weights, indices, shapes).",
    ),
}
