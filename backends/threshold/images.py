"""Program and memory images in the build directory: hexadecimal words beside the parameters they were made for."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from nc.backends.threshold.layers import Placement
from nc.hdl.threshold.config import ArrayConfig
from nc.hdl.threshold.instruction import layout
from nc.hdl.threshold.shape import PeShape
from nc.ir.diagnostics import Where, fail


def write_images(placement: Placement, folder: Path) -> None:
    """`program.hex`, `weights.hex` (one word a line, for $readmemh), `array.json` and the readable `program.txt`."""
    config = placement.config
    width = layout(config.shape).size
    _write_hex(folder / "program.hex", config.instructions, width)
    _write_hex(folder / "weights.hex", config.weights, config.pes * config.shape.fresh)
    parameters = {
        "shape": asdict(config.shape),
        "pes": config.pes,
        "instruction_bits": width,
        "instructions": len(config.instructions),
        "weight_bits": config.pes * config.shape.fresh,
        "weights": len(config.weights),
        "image_words": config.image_words,
        "input": asdict(config.input),
        "output": asdict(config.output),
        "layers": [asdict(layer) for layer in config.layers],
    }
    (folder / "array.json").write_text(json.dumps(parameters, indent=1) + "\n")
    lines = []
    for placed in placement.layers:
        found = placed.schedule
        lines.append(
            f"# {placed.layer.name}: {placed.layer.node.fan_in} inputs, {found.cycles} cycles "
            f"(lower bound {found.bounds.full_adders}), {found.usage.live_bits} live bits"
        )
        lines.append(str(found.program))
    (folder / "program.txt").write_text("\n".join(lines) + "\n")


def _write_hex(path: Path, words: list[int], width: int) -> None:
    digits = -(-width // 4)
    path.write_text("".join(f"{word:0{digits}x}\n" for word in words))


def read_program(folder: Path, config: ArrayConfig) -> tuple[list[int], list[int]]:
    """Instruction and weight words for an array of `config`'s parameters; NC705 when they were made for another."""
    path = folder / "array.json"
    try:
        parameters = json.loads(path.read_text())
        shape, pes = PeShape(**parameters["shape"]), int(parameters["pes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail("NC705", f"'{path.name}' must describe an array, and it does not: {error}", where=Where(file=path.name))
    if (shape, pes) != (config.shape, config.pes):
        fail(
            "NC705",
            f"a program image must match the array: it is for {pes} elements of {_describe(shape)}, "
            f"and the array has {config.pes} of {_describe(config.shape)}",
            where=Where(file=path.name),
            help="compile the network again with the array's own options (array.pes, array.pe)",
        )
    return _read_hex(folder / "program.hex", layout(shape).size), _read_hex(folder / "weights.hex", pes * shape.fresh)


def _describe(shape: PeShape) -> str:
    return f"{shape.neurons} neurons, {shape.registers} registers, {shape.reads} ports, {shape.fresh} lanes"


def _read_hex(path: Path, width: int) -> list[int]:
    words = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        word = int(line, 16)
        if word >> width:
            fail("NC705", f"line {number} of an image must fit {width} bits, not {word.bit_length()}",
                 where=Where(file=path.name))  # fmt: skip
        words.append(word)
    return words
