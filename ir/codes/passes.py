"""Codes 3xx: quantisation and the passes from floats to integers."""

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC301": Code(
        "no exact integer form",
        "The integer graph holds exact integers only. Float weights need quantising first (give calibration data), and "
        "an operation without an integer rule cannot be part of the hardware.",
    ),
    "NC302": Code(
        "a function needs quantised neighbours",
        "A smooth function (tanh, sigmoid, ...) becomes an exact table of the integers before it, so its input must be "
        "an integer of at most 16 bits and its result must be quantised. Put Quant nodes around it, or let "
        "post-training quantisation do so.",
    ),
    "NC303": Code(
        "function undefined on its range",
        "A function (log, sqrt, 1/x, ...) has no finite value at an integer that its input can take. Clip the input.",
    ),
    "NC304": Code(
        "scales do not fit together",
        "Exact arithmetic on tensors with different scales needs a common grid. Scales that share no small grid, "
        "scales that vary along two axes, and padding between two integers cannot be expressed.",
    ),
    "NC305": Code(
        "operand combination not supported",
        "The operation has an integer form only for constants at this place.",
    ),
    "NC306": Code(
        "softmax inside the network",
        "Softmax at the end keeps the order of the logits and is left to the reader of the outputs. Inside a network "
        "it would need an exact exponential and division.",
    ),
    "NC307": Code(
        "input port without numbers",
        "Hardware needs to know which integers arrive at an input. Either the model quantises its input first, or the "
        "port is described by input.<name>: {bits, signed, scale, zero_point, range}, or calibration data is given.",
    ),
    "NC308": Code(
        "calibration data do not fit",
        "Calibration data must have the model's input shape, finite values and at least one sample.",
    ),
    "NC309": Code(
        "constant not finite",
        "A weight or another constant of the model is NaN or infinite; no integer stands for it.",
    ),
    "NC310": Code(
        "quantiser with too many levels",
        "A quantiser inside the network becomes the list of the integers at which its result changes. One of 24 bits "
        "or more would need gigabytes, and no hardware would be built so.",
    ),
    "NC311": Code(
        "calibration data all alike",
        "Ranges of inputs and activations come from the calibration data. Samples that are all equal show one point of "
        "each range, so that other inputs saturate: accuracy will be poor. Give a hundred or more typical samples.",
    ),
    "NC312": Code(
        "no such layer",
        "quantise.layers gives single layers their own precision, by the name of their node in the model. A node of "
        "this name does not exist, so that the options would do nothing.",
    ),
    "NC314": Code(
        "long table",
        "A function that goes up and down (hard swish, a product of x and a function of x) reads an accumulator of "
        "more than 12 bits and became a table with an entry for each of its integers: exact, and large. A quantiser in "
        "front of it makes the table short; with calibration data the quantise pass puts one there.",
    ),
    "NC315": Code(
        "quantisers added to a quantised model",
        "The model brings quantisers of its own, and with calibration data further ones were put where a function or "
        "a layer reads numbers that the model does not quantise. The hardware then differs from the model by their "
        "rounding. Without --calib nothing is added: what has an exact form is computed exactly, the rest is refused.",
    ),
    "NC313": Code(
        "head left out",
        "A softmax, or a sigmoid that the model does not quantise, at the end of the network keeps the order of the "
        "numbers in front of it, so that a decision needs no hardware for it: the outputs are logits. Ask for them "
        "with output=logits, or for the class index with output=argmax; whoever wants probabilities applies the "
        "function to the outputs.",
    ),
    "NC316": Code(
        "constant output",
        "An output of the integer network has one value, for every input or for all calibration samples: the hardware "
        "would compute nothing. The signal is lost on the way (nc eval --layers says where), the calibration data have "
        "another range than the model was trained on, or the model itself is constant.",
    ),
    "NC317": Code(
        "class never decided",
        "The labels of the calibration data have more classes than the integer network decides on them. nc eval says "
        "whether the float model does better; more bits help where it does.",
    ),
    "NC318": Code(
        "unused input",
        "No output depends on the input; its port is in the hardware and does nothing.",
    ),
    "NC319": Code(
        "input clipped",
        "More than 1 % of the calibration values lie outside what the input port holds and are clamped to its ends. "
        "input.NAME.range, input.NAME.scale and input.NAME.bits say what the port holds.",
    ),
    "NC320": Code(
        "wide word",
        "An operation of the integer network makes words of more than 32 bits: exact, but dear in hardware. Usually "
        "two scales share no small grid, or products follow each other without a quantiser between.",
    ),
}
