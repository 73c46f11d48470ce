"""torch modules and exported programs (.pt2) to the float graph.

`from_torch` exports a module with torch.export; `read_pt2` reads a saved program without torch. Both go through the
program's JSON form (`torch_archive`), the table of ATen operators (`torch_aten`), and the ONNX importer.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from nc.compiler.frontends.onnx.importer import from_onnx
from nc.compiler.frontends.torch_archive import Program, read_program
from nc.compiler.frontends.torch_aten import to_onnx
from nc.ir.diagnostics import NcError, ToolMissing, Where, fail
from nc.ir.graph import Graph


def from_torch(module: Any, example_input: Any, *, name: str = "") -> Graph:
    """The float graph of a torch.nn.Module in inference mode.

    example_input: a tensor, or a tuple of them, whose leading axis is the batch. Raises NC117 when torch cannot
    export the module, NC1xx with every operator that cannot be translated.
    """
    try:
        import torch
    except ImportError:
        fail("NC500", "torch must be installed to read its modules", help="pip install torch", kind=ToolMissing)
    examples = example_input if isinstance(example_input, tuple) else (example_input,)
    if not isinstance(module, torch.nn.Module) or not all(isinstance(e, torch.Tensor) for e in examples):
        fail("NC117", "from_torch must be given a torch.nn.Module and example tensors", help="pass (module, tensor)")
    training = module.training
    buffer = io.BytesIO()
    try:
        module.eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about its own internals
            exported = torch.export.export(module, examples).run_decompositions({})
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
    return _graph(read_program(buffer), name or type(module).__name__)


def read_pt2(path: str | Path) -> Graph:
    """The float graph of a program saved by torch.export.save. No pickle in it is ever loaded.

    Raises NcError (NC1xx) with every problem found.
    """
    file = Path(path)
    try:
        return _graph(read_program(str(file)), file.stem)
    except NcError as error:
        raise error.located(file=file.name) from None


def _graph(program: Program, name: str) -> Graph:
    if not program.inputs or not program.outputs:
        fail("NC103", "forward must take and return tensors", where=Where())
    return from_onnx(to_onnx(program), constants=program.weights, name=name)
