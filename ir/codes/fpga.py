"""Codes 60x-64x: word graphs and the FPGA target."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC601": Code(
        "integer wider than 64 bits",
        "A value of the hardware would need more than 64 bits. Nothing is wrapped silently; quantise the tensor "
        "before the operation that is named.",
    ),
    "NC602": Code(
        "table too small",
        "A look-up table has to hold an entry for every value that its operand can take.",
    ),
    "NC603": Code(
        "input outside the port's range",
        "The hardware is built for the exact range of its inputs, so a vector outside it has no meaning. Quantise "
        "the data as the port says, or declare a wider range for the input.",
    ),
    "NC604": Code("unreadable word graph", "A line of the text form of a word graph does not follow its grammar."),
    "NC605": Code(
        "unsound word graph",
        "An invariant of the word graph is broken: operands that come late, a wrong number of them, or a range "
        "that its operands do not justify. A pass that produced it is wrong.",
    ),
    "NC606": Code(
        "weights too large",
        "The adder-graph optimiser works on weights of at most 30 bits. Quantise them to fewer bits.",
    ),
    "NC607": Code(
        "numba missing",
        "The adder-graph optimiser is compiled by numba. Install it, or set optimise.effort=0, which shares nothing.",
    ),
    "NC608": Code(
        "operation without spatial hardware",
        "The operation cannot be laid out as combinational logic, for example a state that is kept between samples.",
    ),
    "NC609": Code(
        "clock out of reach",
        "A single operation is slower than the clock period asked for, so no register placement can meet it. "
        "The delays come from a simple model of the device; place and route has the last word.",
    ),
    "NC610": Code(
        "operation without streaming hardware",
        "A streaming design computes a layer at a time on folded engines; the operation, or the way it is used, has no "
        "such engine. Compile with style=spatial, which lays any integer network out in space.",
    ),
    "NC611": Code(
        "order of elements that no buffer can make",
        "A buffer reads by nested loops of constant strides. The layers ask for another order of a tensor's elements "
        "than such loops can give.",
    ),
    "NC612": Code(
        "dataflow gets stuck",
        "Running the schedule of the dataflow, actors end up waiting for each other: a FIFO on one of two branches "
        "that join again is too short.",
    ),
    "NC613": Code("unreadable dataflow", "A line of the text form of a dataflow does not follow its grammar."),
    "NC614": Code(
        "port too narrow",
        "Beats of a streaming design hold whole elements, so a port must be at least as wide as one element.",
    ),
    "NC615": Code(
        "no folding fits",
        "Even with one multiplier a layer the design is estimated to need more than the device has. Take a larger "
        "device, or fewer bits for weights and activations.",
    ),
    "NC616": Code(
        "unknown layer in fold.reuse",
        "Reuse factors are given by the names of layers that multiply: convolutions and dense layers.",
    ),
    "NC617": Code(
        "ranges without calibration data",
        "With optimise.calibrated_ranges words are clamped to the bits that samples use, so samples of the inputs must "
        "be given, and the design must be laid out in space: folded engines have words of one width a layer.",
    ),
    "NC618": Code(
        "a design laid out in space that outgrows its device",
        "Every product of the network has hardware of its own, and the estimate of it is more than the device has. "
        "Folded (style=streaming, or style=auto) the same network fits, where all its operations stream.",
    ),
}
