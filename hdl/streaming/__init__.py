"""Streaming hardware: the component of every kind of actor in `nc.ir.dataflow`, FIFOs, and the network of them."""
