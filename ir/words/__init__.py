"""WordGraph: scalar integer data flow for spatial hardware, as struct-of-arrays with exact ranges."""

from nc.ir.words.builder import Term, WordBuilder
from nc.ir.words.evaluate import evaluate, evaluate_nodes
from nc.ir.words.graph import WordGraph, WordPort
from nc.ir.words.kinds import Kind
from nc.ir.words.text import parse, to_text
from nc.ir.words.verify import verify

__all__ = [
    "Kind",
    "Term",
    "WordBuilder",
    "WordGraph",
    "WordPort",
    "evaluate",
    "evaluate_nodes",
    "parse",
    "to_text",
    "verify",
]
