"""Dataflow: actors with token rates between sized FIFOs; an untimed meaning, and a model of every clock cycle."""

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.cycles import Prediction, predict
from nc.ir.dataflow.graph import Dataflow, DataflowBuilder, Node, Source
from nc.ir.dataflow.kinds import ArgMax, Bound, Buffer, Fork, Gather, MatVec, Reduce, Scatter, Staircase, Taps, Words
from nc.ir.dataflow.sizing import size_fifos
from nc.ir.dataflow.streams import Stream
from nc.ir.dataflow.text import dumps, loads

__all__ = [
    "Actor", "ArgMax", "Bound", "Buffer", "Dataflow", "DataflowBuilder", "Fork", "Gather", "MatVec", "Node",
    "Prediction", "Reduce", "Scatter", "Source", "Staircase", "Stream", "Taps", "Words", "dumps", "loads", "predict",
    "size_fifos",
]  # fmt: skip
