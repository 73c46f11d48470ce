"""Codes 9xx: spiking networks, NIR files, neuromorphic cores and their limits."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC900": Code(
        "not a NIR file",
        "The file is not HDF5, or has no `node` group with a `type`. NIR files are written by `nir.write`; only "
        "their data sets are read, nothing in them is executed.",
    ),
    "NC901": Code(
        "dangling edge",
        "An edge of the NIR graph names a node that does not exist (or a nested graph's port that it lacks).",
    ),
    "NC902": Code(
        "unknown node type",
        "The node is none of the primitives of NIR 1.0. A newer primitive must be rewritten in terms of these "
        "before export.",
    ),
    "NC903": Code(
        "missing parameter",
        "A parameter that the node's equation needs is absent from the file. Parameters with a default in NIR "
        "(v_reset, w_in) may be absent.",
    ),
    "NC904": Code(
        "non-finite parameter",
        "A parameter holds NaN or infinity; no hardware computes with these. It usually comes from training "
        "that diverged.",
    ),
    "NC905": Code(
        "parameter out of range",
        "A threshold that is not above the reset value, a time constant that is not positive, or one shorter "
        "than the time step with forward Euler: the neuron would fire for ever or its state would oscillate.",
    ),
    "NC906": Code(
        "shape mismatch",
        "The number of values that arrives at a node differs from the number that the node takes.",
    ),
    "NC907": Code(
        "cycle without a neuron or a delay",
        "Signals that arrive in the same tick form a cycle. A loop must pass through a neuron whose recurrent "
        "edge takes one tick, or through a Delay.",
    ),
    "NC908": Code(
        "cannot be expressed",
        "The target form has no way to say this (for NIR: dt, reset by subtraction, refractory time, initial "
        "state, thresholds that fire at equality). Writing it anyway would silently change the network.",
    ),
    "NC909": Code(
        "wrong network text",
        "The text form of a spiking network could not be read back.",
    ),
    "NC910": Code(
        "malformed network",
        "A population or projection contradicts its own declaration: unknown model, missing parameter, wrong "
        "length, a projection from or to a population that does not exist.",
    ),
    "NC911": Code(
        "wrong input",
        "Input spikes must be an array (sequences, ticks, inputs) with the network's number of inputs and values "
        "within its input range.",
    ),
    "NC920": Code(
        "cannot be made exact",
        "The fixed-point form has no equivalent of this float model, integrator or parameter at the width asked for.",
    ),
    "NC921": Code(
        "dead layer",
        "A population never fires on the calibration data after quantisation although it fires in float (or never "
        "fires at all): the network behind it is silent.",
    ),
    "NC922": Code(
        "saturation",
        "The state of neurons left its range on the calibration data, so that the integer network deviates from "
        "the float one. Widen the state or give it fewer fraction bits.",
    ),
    "NC923": Code(
        "not convertible to spikes",
        "The ordinary network has an operation for which no spiking equivalent is known here.",
    ),
    "NC930": Code(
        "core limit exceeded",
        "The network needs more of something than the core has: neurons, axons, fan-in, fan-out, weight bits, "
        "delay. The message says which limit and by how much; every violated limit is named at once.",
    ),
    "NC931": Code(
        "not supported by the core",
        "The core has no way to compute this neuron model, reset, delay or semantics.",
    ),
    "NC932": Code(
        "does not fit the mesh",
        "More cores are needed than the mesh has.",
    ),
    "NC990": Code(
        "a library is missing",
        "This part of the spiking tool chain needs an optional library; the help line is the command that installs it.",
    ),
}
