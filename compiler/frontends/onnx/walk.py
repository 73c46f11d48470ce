"""The walk over a model's nodes: order, operands, translation, functions inlined, every problem collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from onnx import FunctionProto, NodeProto

from nc.compiler.frontends.onnx import translations  # noqa: F401  (fills the table)
from nc.compiler.frontends.onnx.describe import HINTS, label, text
from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.functions import opset_versions, specialised
from nc.compiler.frontends.onnx.modern import OLDEST_OPSET
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.order import in_order
from nc.compiler.frontends.onnx.reference import folded
from nc.compiler.frontends.onnx.registry import TRANSLATIONS
from nc.compiler.frontends.onnx.signatures import STANDARD, attributes, check_arity, check_types, family, signature
from nc.compiler.frontends.onnx.tensors import default_opset, to_numpy, type_name
from nc.compiler.frontends.onnx.values import BATCH, Tensor, has_batch
from nc.ir.diagnostics import Collector, Diagnostic, NcError, Where, fail
from nc.ir.graph import Builder, Value

MAX_INLINED = 50_000  # nodes that come from functions
_DEEPEST_CALL = 32

_FIXED = frozenset({"Constant", "Shape", "Size"})  # operators whose results never depend on data

Environment = dict[str, Tensor | None]  # None: its maker failed, so its readers are passed over


BATCH_INSIDE = frozenset({"RNN", "GRU", "LSTM", "Transpose", "Squeeze", "Gather", "Concat", "Identity"})
"""Operators that take tensors whose batch axis is not in front: recurrent layers, and what stands around them."""


def check_leads(op: str, domain: str, operands: Sequence[Tensor | None]) -> None:
    """Raise NC105 for an operand whose batch axis is not in front, or not where that of the others is."""
    inside = [t for t in operands if t is not None and t.batched and t.lead]
    apart = op == "Concat" and len({t.lead if t is not None and t.batched else None for t in operands}) > 1
    if not inside or domain == STANDARD and op in BATCH_INSIDE and not apart:
        return
    fail(
        "NC105",
        f"operands of {op} must have the batch axis in front, not at axis {inside[0].lead} of {inside[0]}",
        help="transpose it back; --batch none (batch=None in Python) if the model's leading axis is no batch",
    )


def _refused(error: NcError) -> bool:
    """Is the operator known, but not in this form?"""
    return all(d.code == "NC103" for d in error.diagnostics)


@dataclass
class Scope:
    """Names and operator sets in force: of the model's graph, or of one call of a function."""

    env: Environment
    opsets: dict[str, int]
    prefix: str = ""
    depth: int = 0


@dataclass
class Walk:
    """What all scopes share: the graph under construction, its constants, and the problems found.

    made: constants already in the graph. labels: names of initialisers by the identity of their array.
    folder: where external data may lie. unknown: names of nodes reported as unknown.
    """

    functions: Mapping[tuple[str, str], FunctionProto]
    build: Builder
    found: Collector = field(default_factory=Collector)
    made: dict[Any, Value] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    declared_batch: int | None = None
    inlined: int = 0
    folder: Path | None = None
    unknown: set[str] = field(default_factory=set)

    def check_operators(self, nodes: Iterable[NodeProto], constants: Iterable[str] = (), prefix: str = "") -> None:
        """Report every operator that has no translation, before anything else can hide it.

        What follows from `constants` and shapes alone is computed, whatever its operator.
        """
        fixed = set(constants)
        for node in nodes:
            domain = family(node.domain)
            if node.op_type in _FIXED or domain == STANDARD and all(n in fixed for n in node.input if n):
                fixed.update(node.output)
                continue
            known = (node.domain, node.op_type) in self.functions or (domain, node.op_type) in TRANSLATIONS
            if known or (domain, node.op_type) == (STANDARD, "If"):
                continue
            self._unknown(node, prefix)
        for function in self.functions.values() if not prefix else ():
            self.check_operators(function.node, (), f"{function.name}/")

    def _unknown(self, node: NodeProto, prefix: str) -> None:
        self.unknown.add(prefix + label(node))
        shown = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        self.found.error(
            "NC102",
            f"operator {shown} must be one that nc translates",
            where=Where(node=prefix + label(node)),
            op=text(node),
            help=HINTS.get(node.op_type, "replace the layer before export; docs/onnx.md lists what is supported"),
        )

    def nodes(self, nodes: Sequence[NodeProto], scope: Scope) -> None:
        """Translate nodes in order of evaluation; their results join the scope."""
        full = self.inlined > MAX_INLINED
        self.inlined += len(nodes) if scope.depth else 0
        if self.inlined > MAX_INLINED:
            if not full:
                self.report("NC113", f"functions of the model must inline to at most {MAX_INLINED} nodes", Where())
            scope.env.update({name: None for n in nodes for name in n.output})
            return
        ordered, stuck = in_order(nodes, scope.env)
        for node in ordered:
            self._node(node, scope)
        if stuck:
            self.report(
                "NC107",
                f"nodes must not wait for each other, but these do: {', '.join(label(n) for n in stuck[:8])}",
                Where(node=scope.prefix + label(stuck[0])),
                help="ONNX graphs are acyclic; the tool that wrote the file is wrong",
            )
            for node in stuck:
                scope.env.update(dict.fromkeys(filter(None, node.output)))

    def _node(self, node: NodeProto, scope: Scope) -> None:
        where = Where(node=scope.prefix + label(node))
        missing = [name for name in node.input if name and name not in scope.env]
        if missing:
            self.report(
                "NC108",
                f"operand '{missing[0]}' of {node.op_type} must be an input, an initialiser or a node's result",
                where,
                op=text(node),
                help="its weights may have been stripped from the file; export the model again",
            )
        operands = [scope.env.get(name) if name else None for name in node.input]
        poisoned = any(name and operand is None for name, operand in zip(node.input, operands, strict=True))
        if missing or poisoned or not self._translated(node, operands, where, scope):
            scope.env.update({name: None for name in node.output if name and name not in scope.env})

    def _translated(self, node: NodeProto, operands: Sequence[Tensor | None], where: Where, scope: Scope) -> bool:
        self.build.origin = where.node
        try:
            results = self._results(node, operands, where, scope)
            for name, result in zip(node.output, results):
                if name and name in scope.env:
                    fail("NC109", f"tensor '{name}' must be defined once")
                if name:
                    scope.env[name] = result
        except NcError as error:
            self.add(error, where, text(node))
            return False
        missing = [name for name in node.output[len(results) :] if name]
        if missing:
            self.report(
                "NC103",
                f"result '{missing[0]}' of {node.op_type} must not be used",
                where,
                op=text(node),
                help="nc computes the main result of this operator only",
            )
        return not missing

    def _results(
        self, node: NodeProto, operands: Sequence[Tensor | None], where: Where, scope: Scope
    ) -> Sequence[Tensor | None]:
        called = self.functions.get((node.domain, node.op_type))
        if called is not None:
            return self._call(called, node, operands, where, scope)
        domain = family(node.domain)
        if (domain, node.op_type) == (STANDARD, "If"):
            return self._branch(node, operands, where, scope)
        translate = TRANSLATIONS.get((domain, node.op_type))
        version = self._version(node, domain, scope)
        if translate is None:
            return self._folded(node, operands, where, version)
        form = signature(domain, node.op_type, version)
        if form is None:
            fail("NC115", f"{node.op_type} must be part of operator set {version} of its domain")
        check_arity(node, form)
        check_types(node, form, [type_name(t.dtype) if t is not None else "" for t in operands])
        view = Node(
            node.op_type,
            where.node,
            version,
            operands,
            attributes(node, form),
            self.build,
            tuple(node.output),
            self.declared_batch,
            self.made,
            self.labels,
        )
        check_leads(node.op_type, domain, operands)
        try:
            made = translate(view)
        except NcError as error:
            computed = folded(node, operands, version) if domain == STANDARD and _refused(error) else None
            if computed is None:
                raise
            return computed
        return [made] if isinstance(made, Tensor) else made

    def _folded(
        self, node: NodeProto, operands: Sequence[Tensor | None], where: Where, version: int
    ) -> Sequence[Tensor | None]:
        """The results of an operator without a translation, of constants; or it is reported, once."""
        standard = family(node.domain) == STANDARD
        if standard and any(t is not None and has_batch(t.data) for t in operands):
            fail("NC105", f"{node.op_type} must not compute with the batch size", help=BATCH.HELP)
        made = folded(node, operands, version) if standard else None
        if made is None and where.node not in self.unknown:
            self._unknown(node, where.node.removesuffix(label(node)))
        return made or [None] * len(node.output)

    def _branch(
        self, node: NodeProto, operands: Sequence[Tensor | None], where: Where, scope: Scope
    ) -> Sequence[Tensor | None]:
        """The branch that a constant condition chooses, in the place of the If."""
        branches = {a.name: a.g for a in node.attribute}
        condition = operands[0] if len(operands) == 1 else None
        if condition is None or branches.keys() != {"then_branch", "else_branch"}:
            fail("NC109", "If must have a condition, a then_branch and an else_branch")
        if condition.data is None or condition.data.size != 1:
            fail("NC104", "the condition of If must be constant, not computed from the inputs", help=HINTS["If"])
        if has_batch(condition.data):
            fail("NC105", "the condition of If must not depend on the batch size", help=BATCH.HELP)
        chosen = branches["then_branch" if condition.data.ravel()[0] else "else_branch"]
        if scope.depth >= _DEEPEST_CALL:
            fail("NC113", f"branches must nest at most {_DEEPEST_CALL} deep")
        inner = Scope(dict(scope.env), scope.opsets, f"{where.node}/", scope.depth + 1)
        for tensor in chosen.initializer:
            inner.env[tensor.name] = constant(to_numpy(tensor, self.folder), tensor.data_type)
        constants = {name for name, t in inner.env.items() if t is not None and t.data is not None}
        self.check_operators(chosen.node, constants, inner.prefix)
        self.nodes(chosen.node, inner)
        self.build.origin = where.node
        missing = [o.name for o in chosen.output if o.name not in inner.env]
        if missing or len(chosen.output) != len(node.output):
            fail("NC108", f"the chosen branch of If must compute {len(node.output)} results")
        return [inner.env[o.name] for o in chosen.output]

    def _version(self, node: NodeProto, domain: str, scope: Scope) -> int:
        if domain != STANDARD:
            return scope.opsets.get(node.domain, 1)
        version = scope.opsets.get(STANDARD)
        if version is None:
            fail("NC115", "the model must state its operator set", help="export it again; it imports no opset")
        if not OLDEST_OPSET <= version <= default_opset():
            fail(
                "NC115",
                f"the model's operator set must lie in 1..{default_opset()}, not {version}",
                help="convert the model with onnx.version_converter.convert_version, or update onnx",
            )
        return version

    def _call(
        self,
        function: FunctionProto,
        node: NodeProto,
        operands: Sequence[Tensor | None],
        where: Where,
        scope: Scope,
    ) -> Sequence[Tensor | None]:
        """Inline a function of the model."""
        if scope.depth >= _DEEPEST_CALL:
            fail("NC107", f"function '{function.name}' must not call itself, directly or through others")
        if len(node.input) > len(function.input) or len(node.output) > len(function.output):
            fail("NC109", f"function '{function.name}' must be called with its own operands and results")
        padded = [*operands, *[None] * (len(function.input) - len(operands))]
        given = dict(zip(function.input, padded, strict=True))
        inner = Scope(
            dict(given), opset_versions(function.opset_import) or scope.opsets, f"{where.node}/", scope.depth + 1
        )
        omitted = {name for name, operand in given.items() if operand is None}
        body = [specialised(n, node, function, omitted) for n in function.node]
        before = len(self.found.diagnostics)
        self.nodes(body, inner)
        unmade = [name for name in function.output if name not in inner.env]
        if unmade:
            fail("NC108", f"result '{unmade[0]}' of function '{function.name}' must be computed by its body")
        self.build.origin = where.node
        results = [inner.env[name] for name in function.output][: len(node.output)]
        if None in results and len(self.found.diagnostics) == before:
            fail("NC108", f"function '{function.name}' must be given all operands that its results need")
        return results

    # ---- problems ---------------------------------------------------------------------------------------------------

    def guarded(self, name: str, step: Any, scope: Scope, where: Where) -> None:
        """Run one step; a problem of the user's is collected and the tensor counts as failed."""
        self.build.origin = ""
        try:
            step()
        except NcError as error:
            self.add(error, where)
            scope.env[name] = None

    def add(self, error: NcError, where: Where, op: str = "") -> None:
        for d in error.diagnostics:
            place = replace(d.where, node=d.where.node or where.node, tensor=d.where.tensor or where.tensor)
            self.found.extend([replace(d, where=place, op=op or d.op)])

    def report(self, code: str, message: str, where: Where, *, op: str = "", help: str = "") -> None:
        self.found.extend([Diagnostic(code, message, where, op, help)])
