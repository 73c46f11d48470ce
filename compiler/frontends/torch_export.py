"""torch modules and exported programs (.pt2) to the float graph.

`from_torch` exports a module with torch.export; `read_pt2` reads a saved program without torch. Both go through the
program's JSON form (`torch_archive`), the table of ATen operators (`torch_aten`), and the ONNX importer.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nc.compiler.frontends.onnx.batch import Batch
from nc.compiler.frontends.onnx.importer import from_onnx
from nc.compiler.frontends.torch_archive import Program, read_program
from nc.compiler.frontends.torch_aten import to_onnx
from nc.ir.diagnostics import NcError, ToolMissing, Where, fail
from nc.ir.graph import Graph


def from_torch(module: Any, example_input: Any, *, name: str = "", batch: Batch = "auto") -> Graph:
    """The float graph of a torch.nn.Module in inference mode.

    example_input: a tensor, or a tuple of them, whose leading axis is the batch (or `batch`, as in
    `from_onnx`). Raises NC117 when torch cannot
    export the module, NC1xx with every operator that cannot be translated.
    """
    try:
        import torch
    except ImportError:
        fail("NC500", "torch must be installed to read its modules", help="pip install torch", kind=ToolMissing)
    examples = example_input if isinstance(example_input, tuple) else (example_input,)
    if not isinstance(module, torch.nn.Module) or not all(isinstance(e, torch.Tensor) for e in examples):
        fail("NC117", "from_torch must be given a torch.nn.Module and example tensors", help="pass (module, tensor)")
    label = name or type(module).__name__
    try:
        return _graph(_program(module, examples, None), label, batch)
    except NcError as error:
        several = batch is not None and min(e.shape[0] if e.ndim else 1 for e in examples) > 1
        if not several or not any(d.code == "NC105" for d in error.diagnostics):
            raise
        axis = batch if isinstance(batch, int) else 0
        try:  # sizes of the example's batch stand in its program: they do not in one of any batch
            return _graph(_program(module, examples, axis), label, axis)
        except NcError:
            raise error from None


def _program(module: Any, examples: tuple[Any, ...], batch: int | None) -> Program:
    """What torch.export makes of the module; with a batch of any size where its axis is given. Raises NC117."""
    import torch

    training = module.training
    buffer = io.BytesIO()
    shapes = None if batch is None else tuple({batch: torch.export.Dim("batch")} for _ in examples)
    try:
        module.eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about its own internals
            exported = torch.export.export(module, examples, dynamic_shapes=shapes).run_decompositions({})
            torch.export.save(exported, buffer)
    except (RuntimeError, TypeError, ValueError, AttributeError, AssertionError, NotImplementedError) as error:
        first = str(error).strip().splitlines() or [type(error).__name__]
        fail(
            "NC117",
            f"torch.export must be able to export {type(module).__name__}: {first[0]}",
            help="remove branches on tensor values from forward; run torch.export.export(module, example) to see all",
        )
    finally:
        module.train(training)
    buffer.seek(0)
    return read_program(buffer)


def read_pt2(path: str | Path, *, batch: Batch = "auto", shapes: Mapping[str, Sequence[int]] | None = None) -> Graph:
    """The float graph of a program saved by torch.export.save. No pickle in it is ever loaded.

    batch, shapes: as in `from_onnx`.

    Raises NcError (NC1xx) with every problem found.
    """
    file = Path(path)
    try:
        return _graph(read_program(str(file)), file.stem, batch, shapes)
    except NcError as error:
        raise error.located(file=file.name) from None


def _graph(
    program: Program, name: str, batch: Batch = "auto", shapes: Mapping[str, Sequence[int]] | None = None
) -> Graph:
    if not program.inputs or not program.outputs:
        fail("NC103", "forward must take and return tensors", where=Where())
    return from_onnx(to_onnx(program), constants=program.weights, name=name, batch=batch, shapes=shapes)
