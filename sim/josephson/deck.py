"""Reads circuit decks in a subset of JoSIM's language: hierarchy flattened, parameters evaluated, units converted.

    B1 n1 0 jj1 area=2.5          L1 n1 n2 2p            R1 n1 0 5       C1 n1 0 0.1p      K1 L1 L2 0.3
    T1 a 0 b 0 z0=5 td=2p         I1 0 n1 pwl(0 0 5p 350u)   V1 n1 0 pulse(0 1m 10p 1p 1p 2p 50p)   P1 n1 0 sin(...)
    Xu jtl a b  or  Xu a b jtl    .model jj1 jj(icrit=0.1mA, cap=0.07pF, r0=160, rn=16, vg=2.8m, rtype=1)
    .param  .subckt  .ends  .tran step stop [start [max]]  .print p(B1) | v(n) | i(R1)  .temp  .spread  .end

Everything else is refused by name (NC821).
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.sim.josephson.circuit import Branch, Circuit, Junction, JunctionModel, Line, Source, Waveform

_SUFFIX = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "meg": 1e6, "x": 1e6, "g": 1e9, "t": 1e12}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(meg|[fpnumkxgt])?[a-z]*$", re.IGNORECASE)
_BINARY: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {"sqrt": math.sqrt, "exp": math.exp, "log": math.log, "abs": abs}
_GROUND = ("0", "gnd")
PICO = 1e12


@dataclass
class _Statement:
    number: int
    words: list[str]


@dataclass
class _Subcircuit:
    pins: list[str]
    body: list[_Statement] = field(default_factory=list)


def _statements(text: str) -> list[_Statement]:
    """Logical lines: `*` and `#` comments out, `+` continuations joined, `name = value` and `f ( ... )` tightened."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        row = re.split(r"[#$;]", line, maxsplit=1)[0].strip()
        if not row or row.startswith("*"):
            continue
        if row.startswith("+") and found:
            found[-1] = (found[-1][0], found[-1][1] + " " + row[1:])
        else:
            found.append((number, row))
    made = []
    for number, row in found:
        row = re.sub(r"\s*=\s*", "=", row)
        row = re.sub(r"\b(pwl|pulse|sin|jj|p|v|i|phase)\s*\(", r"\1(", row, flags=re.IGNORECASE)
        made.append(_Statement(number, re.findall(r"(?:[^\s({]|\([^)]*\)|\{[^}]*\})+", row)))
    return made


class DeckReader:
    """One reading. Node names are case-sensitive; element and command names are not."""

    def __init__(self, text: str, file: str, parameters: Mapping[str, float], seed: int):
        self.file, self.line = file, 0
        self.params: dict[str, float] = {}
        self.fixed = {name.lower(): value for name, value in parameters.items()}
        self.models: dict[str, JunctionModel] = {}
        self.subcircuits: dict[str, _Subcircuit] = {}
        self.nodes: dict[str, int] = {"0": 0}
        self.rng = np.random.default_rng(seed)
        self.spread: dict[str, float] = {}
        self.parts: dict[str, list[Any]] = {kind: [] for kind in "BRLCKIVPT"}
        self.prints: list[tuple[str, str]] = []
        self.step, self.stop, self.temperature = 0.1, 1000.0, 0.0
        self.top = self._sort(_statements(text))

    def refuse(self, message: str) -> NoReturn:
        fail("NC821", f"line {self.line}: {message}", where=Where(self.file))

    def number(self, text: str) -> float:
        """A number with an engineering suffix, a parameter, or an expression of them."""
        body = text.strip().strip("{}'\"")
        if match := _NUMBER.match(body):
            return float(match[1]) * _SUFFIX.get((match[2] or "").lower(), 1.0)
        body = re.sub(
            r"(?<![\w.])(\d+\.?\d*|\.\d+)(meg|[fpnumkxgt])(?![\w])", self._suffixed, body, flags=re.IGNORECASE
        )
        try:
            return self._value(ast.parse(body.replace("^", "**"), mode="eval").body)
        except (SyntaxError, ZeroDivisionError, ValueError, TypeError):
            self.refuse(f"value must be a number or an expression of parameters, not '{text}'")

    @staticmethod
    def _suffixed(match: re.Match[str]) -> str:
        return repr(float(match[1]) * _SUFFIX[match[2].lower()])

    def _value(self, node: ast.expr) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return float(node.value)
        if isinstance(node, ast.Name):
            if node.id.lower() not in self.params:
                self.refuse(f"parameter must be defined before its use, not '{node.id}'")
            return self.params[node.id.lower()]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            value = self._value(node.operand)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _BINARY[type(node.op)](self._value(node.left), self._value(node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            return _FUNCTIONS[node.func.id](*(self._value(each) for each in node.args))
        raise ValueError

    def _sort(self, statements: list[_Statement]) -> list[_Statement]:
        """Subcircuits and models aside; what is left is the main circuit."""
        main: list[_Statement] = []
        inside: _Subcircuit | None = None
        for each in statements:
            self.line, verb = each.number, each.words[0].lower()
            if verb == ".subckt":
                if inside is not None or len(each.words) < 3:
                    self.refuse("'.subckt' must be '.subckt NAME pins', not inside another")
                inside = self.subcircuits[each.words[1].lower()] = _Subcircuit(each.words[2:])
            elif verb == ".ends":
                inside = None
            elif verb == ".model":
                self._model(each.words)
            elif verb == ".end":
                break
            else:
                (main if inside is None else inside.body).append(each)
        if inside is not None:
            self.refuse("'.subckt' must be closed by '.ends'")
        return main

    def _model(self, words: list[str]) -> None:
        match = re.fullmatch(r"jj\((.*)\)", " ".join(words[2:]), re.IGNORECASE)
        if len(words) < 3 or not match:
            self.refuse("'.model' must be '.model NAME jj(...)'")
        given = {}
        for pair in re.split(r"[,\s]+", match[1].strip()):
            if pair:
                name, _, value = pair.partition("=")
                given[name.lower()] = self.number(value)
        self.models[words[1].lower()] = JunctionModel(
            icrit=given.get("icrit", 1e-3) * 1e3,
            cap=given.get("cap", given.get("c", 2.5e-12)) * PICO,
            r0=given.get("r0", given.get("rzero", 30.0)),
            rn=given.get("rn", 5.0),
            vg=given.get("vg", given.get("vgap", 2.8e-3)) * 1e3,
            nonlinear=given.get("rtype", 1.0) != 0,
        )

    def node(self, name: str, scope: Mapping[str, str], prefix: str) -> int:
        name = scope.get(name, name if name.lower() in _GROUND else prefix + name)
        return 0 if name.lower() in _GROUND else self.nodes.setdefault(name, len(self.nodes))

    def spread_of(self, kind: str, value: float) -> float:
        factor = self.spread.get(kind.lower(), self.spread.get("", 0.0))
        return value * (1 + factor * self.rng.uniform(-1, 1)) if factor else value

    def run(self, statements: Sequence[_Statement], scope: Mapping[str, str], prefix: str) -> None:
        for each in statements:
            self.line = each.number
            verb = each.words[0]
            if verb.startswith("."):
                self._command(verb.lower(), each.words)
            elif verb[0].upper() == "X":
                self._instance(each.words, scope, prefix)
            elif verb[0].upper() in self.parts:
                getattr(self, f"_element_{verb[0].lower()}")(each.words, scope, prefix)
            else:
                self.refuse(f"element must be one of B R L C K T I V P X, not '{verb}'")

    def _command(self, verb: str, words: list[str]) -> None:
        if verb == ".param":
            name, _, value = "".join(words[1:]).partition("=")
            self.params[name.lower()] = self.fixed.get(name.lower(), self.number(value))
        elif verb == ".tran":
            if len(words) < 3:
                self.refuse("'.tran' must be '.tran STEP STOP'")
            finest = words[4] if len(words) > 4 else words[1]
            self.step, self.stop = self.number(finest) * PICO, self.number(words[2]) * PICO
        elif verb == ".temp":
            self.temperature = self.number(words[1])
        elif verb == ".spread":
            for word in words[1:]:
                name, _, value = word.rpartition("=")
                self.spread[name.lower()] = self.number(value)
        elif verb in (".print", ".plot", ".save"):
            for kind, name in re.findall(r"\b(p|v|i|phase)\(([^)]*)\)", " ".join(words[1:]), re.IGNORECASE):
                self.prints.append((kind.lower().replace("phase", "p"), name.strip()))
        elif verb not in (".options", ".file"):
            self.refuse(f"command must be one of .param .model .subckt .tran .print .temp .spread .end, not '{verb}'")

    def _instance(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        """Both orders: the subcircuit's name first (JoSIM) or last (SPICE)."""
        if len(words) < 2:
            self.refuse(f"instance '{words[0]}' must name a subcircuit")
        first, last = words[1].lower(), words[-1].lower()
        if last in self.subcircuits and len(self.subcircuits[last].pins) == len(words) - 2:
            found, given = self.subcircuits[last], words[1:-1]
        elif first in self.subcircuits and len(self.subcircuits[first].pins) == len(words) - 2:
            found, given = self.subcircuits[first], words[2:]
        else:
            self.refuse(f"instance '{words[0]}' must name a subcircuit with {len(words) - 2} pins")
        outer = [scope.get(n, n if n.lower() in _GROUND else prefix + n) for n in given]
        if prefix.count(".") > 20:
            self.refuse(f"subcircuits must not contain themselves: '{words[0]}'")
        self.run(found.body, dict(zip(found.pins, outer)), f"{prefix}{words[0]}.")

    def _ends(self, words: list[str], scope: Mapping[str, str], prefix: str, least: int) -> tuple[str, int, int]:
        if len(words) < least:
            self.refuse(f"element '{words[0]}' must have {least - 1} fields, not {len(words) - 1}")
        return prefix + words[0], self.node(words[1], scope, prefix), self.node(words[2], scope, prefix)

    def _element_b(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        name, plus, minus = self._ends(words, scope, prefix, 4)
        options = dict(w.lower().split("=", 1) for w in words[3:] if "=" in w)
        model = next((w.lower() for w in words[3:] if w.lower() in self.models), "")
        if not model:
            self.refuse(f"junction '{words[0]}' must name a .model, not '{' '.join(words[3:])}'")
        kind = self.models[model]
        area = self.number(options["area"]) if "area" in options else 1.0
        if "ic" in options:
            area = self.number(options["ic"]) * 1e3 / kind.icrit
        self.parts["B"].append(Junction(name, plus, minus, kind, self.spread_of("b", area)))

    def _branch(self, kind: str, scale: float, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        name, plus, minus = self._ends(words, scope, prefix, 4)
        value = self.spread_of(kind, self.number(words[3]) * scale)
        if value <= 0:
            self.refuse(f"value of '{words[0]}' must be positive, not {words[3]}")
        self.parts[kind].append(Branch(name, plus, minus, value))

    def _element_r(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        self._branch("R", 1.0, words, scope, prefix)

    def _element_l(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        self._branch("L", PICO, words, scope, prefix)

    def _element_c(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        self._branch("C", PICO, words, scope, prefix)

    def _element_k(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        if len(words) < 4:
            self.refuse(f"coupling '{words[0]}' must be 'K.. L1 L2 factor'")
        self.parts["K"].append((prefix + words[1], prefix + words[2], self.number(words[3])))

    def _element_t(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        options = dict(w.lower().split("=", 1) for w in words[5:] if "=" in w)
        if len(words) < 7 or not {"z0", "td"} <= options.keys():
            self.refuse(f"line '{words[0]}' must be 'T.. a b c d z0=.. td=..'")
        a, b, c, d = (self.node(w, scope, prefix) for w in words[1:5])
        impedance, delay = self.number(options["z0"]), self.number(options["td"]) * PICO
        self.parts["T"].append(Line(prefix + words[0], (a, b, c, d), impedance, delay))

    def _source(self, kind: str, scale: float, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        name, plus, minus = self._ends(words, scope, prefix, 4)
        self.parts[kind].append(Source(name, plus, minus, self._wave(" ".join(words[3:]), scale)))

    def _element_i(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        self._source("I", 1e3, words, scope, prefix)

    def _element_v(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        self._source("V", 1e3, words, scope, prefix)

    def _element_p(self, words: list[str], scope: Mapping[str, str], prefix: str) -> None:
        self._source("P", 1.0, words, scope, prefix)

    def _wave(self, text: str, scale: float) -> Waveform:
        match = re.fullmatch(r"(?:(pwl|pulse|sin)\((.*)\)|(?:dc\s+)?([^()]+))", text.strip(), re.IGNORECASE)
        if not match:
            self.refuse(f"source must be a value, pwl(...), pulse(...) or sin(...), not '{text}'")
        if match[3] is not None:
            return Waveform(values=(self.number(match[3]) * scale,))
        words = re.findall(r"\{[^}]*\}|[^\s,]+", match[2])
        values = [self.number(word) for word in words]
        kind = match[1].lower()
        if kind == "pwl":
            times = [t * PICO for t in values[::2]]
            if len(values) % 2 or any(b < a for a, b in zip(times, times[1:])):
                self.refuse("pwl must be pairs of time and value, in order of time")
            return Waveform(tuple(times), tuple(v * scale for v in values[1::2]))
        if kind == "pulse":
            low, high, delay, rise, fall, width, period = (*values, *[0.0] * (7 - len(values)))[:7]
            at = np.cumsum([delay, rise, width, fall]) * PICO
            level = (low * scale, high * scale, high * scale, low * scale)
            return Waveform(tuple(at.tolist()), level, period * PICO)
        offset, amplitude, frequency, delay = (*values, *[0.0] * (4 - len(values)))[:4]
        return Waveform(sine=(offset * scale, amplitude * scale, frequency / PICO, delay * PICO))

    def circuit(self) -> Circuit:
        self.run(self.top, {}, "")
        parts = {kind: tuple(each) for kind, each in self.parts.items()}
        inductors = {each.name for each in parts["L"]}
        for first, second, _ in parts["K"]:
            if first not in inductors or second not in inductors:
                self.refuse(f"coupling must name two inductors, not '{first}' and '{second}'")
        return Circuit(
            nodes=tuple(self.nodes), junctions=parts["B"], resistors=parts["R"], inductors=parts["L"],
            capacitors=parts["C"], couplings=parts["K"], currents=parts["I"], voltages=parts["V"], phases=parts["P"],
            lines=parts["T"], temperature=self.temperature, step=self.step, stop=self.stop, prints=tuple(self.prints),
        )  # fmt: skip


def read_deck(text: str, *, file: str = "", parameters: Mapping[str, float] | None = None, seed: int = 0) -> Circuit:
    """The flat circuit of a deck. `parameters` override `.param` lines of the deck; `seed` draws `.spread`."""
    return DeckReader(text, file, parameters or {}, seed).circuit()
