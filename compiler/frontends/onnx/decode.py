"""From bytes to a model: the protocol-buffer form decoded, and its text checked."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx import ModelProto

from nc.ir.diagnostics import fail

_HELP = "it is truncated, damaged, or of another format; export it again"


def decode(content: bytes) -> ModelProto:
    """The model of a file's bytes. Raises NC101."""
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError:
        fail("NC101", "the file must be an ONNX model, but its bytes do not decode", help=_HELP)
    check_text(model)
    return model


def check_text(model: ModelProto) -> None:
    """Raise NC101 when a name is not UTF-8: the decoder hands such names out as bytes."""
    stack: list[Any] = [model]
    while stack:
        for field, value in stack.pop().ListFields():
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                stack += [value] if isinstance(value, Message) else list(value)
            elif field.type == FieldDescriptor.TYPE_STRING:
                texts = [value] if isinstance(value, (str, bytes)) else value
                if any(isinstance(text, bytes) for text in texts):
                    fail("NC101", f"text of an ONNX model must be UTF-8, but a '{field.name}' is not", help=_HELP)
