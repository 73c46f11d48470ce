"""Synthesis by Yosys and nextpnr, shared by every target that emits Verilog."""
