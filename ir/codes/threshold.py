"""7xx: threshold logic (PE arrays and FTL cells)."""

from __future__ import annotations

from nc.ir.codes import Code

CODES: dict[str, Code] = {
    "NC701": Code(
        "shape of the processing element",
        "Neurons, registers, read ports and fresh products of a processing element have limits, since every operand "
        "multiplexer grows with them. Change the values under `array.pe`.",
    ),
    "NC702": Code(
        "empty or too narrow node",
        "A popcount-threshold node needs at least one input, and enough binary columns for its largest sum.",
    ),
    "NC703": Code(
        "no exact schedule for this kind of node",
        "The exact solver covers compare nodes with an addend; other nodes use the greedy scheduler.",
    ),
    "NC704": Code(
        "node too wide for the registers",
        "The partial sums of a node must fit the registers of one processing element: about three bits for each "
        "binary column of the sum. Give the element more registers or split the node.",
    ),
    "NC705": Code(
        "program image does not match the array",
        "A program and its memory images are made for one shape of processing element and one number of them: the "
        "instruction word has other fields on any other array. Compile again with the array's own parameters.",
    ),
    "NC706": Code(
        "technology file",
        "Area, power and delay figures come from a technology file, a YAML mapping with exactly the fields of the one "
        "that nc brings. Copy it and change the values.",
    ),
    "NC707": Code(
        "node too large for exact synthesis",
        "The fewest neurons for a fixed threshold are searched by SAT, for nodes of a few inputs. Larger nodes are "
        "scheduled as popcounts.",
    ),
    "NC710": Code(
        "operation cannot run on the threshold array",
        "The array runs chains of matrix products and convolutions with constant weights, biases, max pools, "
        "staircases and a final argmax. Everything else needs another target; `--target fpga` runs every integer "
        "network.",
    ),
    "NC711": Code(
        "not a binary network",
        "The array multiplies bits by bits; weights and inputs of several bits are planes of bits. Between layers, "
        "activations must be bits or staircases of at most 31 steps (5 bits): `quantise.activation_bits` says how many "
        "bits a float model gets (8 unless told), `quantise.layers.NAME.activation_bits` those of one layer. Models "
        "trained with sign activations (QONNX BipolarQuant, 1-bit Brevitas layers) are smallest. Or use --target fpga.",
    ),
    "NC712": Code(
        "zero padding of a convolution",
        "A padded zero must be one of the input's values, or stand exactly in their middle: a bipolar zero becomes as "
        "many products 1 as 0, which needs an even number of channels. Pad explicitly with a value, or train without "
        "padding.",
    ),
    "NC713": Code(
        "layout of a convolution's input image",
        "The array reads windows from the image buffer, as the input stream or the layer before wrote it: "
        "(channels, y, x), or (y, x, channels) with a transpose in the model. Other permutations in front of a "
        "convolution cannot be addressed.",
    ),
    "NC714": Code(
        "results of the last layer",
        "The array sends a vector of integers (sums of products), a vector of bits, or an image of bits in the order "
        "of its buffer, (y, x, channels) with the channels in full words. Other forms need another target.",
    ),
    "NC720": Code(
        "too many inputs for threshold identification",
        "Whether a function is a threshold function is decided from its truth table, for at most 7 inputs. Use smaller "
        "cuts.",
    ),
    "NC721": Code(
        "circuit cannot be embedded in FTL cells",
        "FTL cells replace flip-flops and the logic in front of them. The circuit must be synchronous with one clock.",
    ),
}
