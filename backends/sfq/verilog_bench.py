"""A plain Verilog test bench for the behavioural cells: pulses in at given times, output pulses printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nc.ir.netlist import Netlist
from nc.ir.netlist_export import identifier

Pulses = Mapping[tuple[str, int], Sequence[float]]
"""(input port, bit) -> times in ps, each after the one before by more than 1 ps."""


def bench(netlist: Netlist, pulses: Pulses, stop: float) -> str:
    """Module `tb`: prints `P port bit time` for every output pulse (ps).

    For simulators with delays, `timescale 1ps/1fs; Verilator needs --timing and C++20 coroutines.
    """
    rows = ["`timescale 1ps/1fs", "module tb;"]
    for port in netlist.inputs:
        rows.append(f"  reg [{port.width - 1}:0] {identifier(port.name)} = 0;")
    for port in netlist.outputs:
        rows.append(f"  wire [{port.width - 1}:0] {identifier(port.name)};")
    names = [identifier(port.name) for port in (*netlist.inputs, *netlist.outputs)]
    rows.append(f"  {identifier(netlist.name)} dut ({', '.join(f'.{name}({name})' for name in names)});")
    for port in netlist.outputs:
        for bit in range(port.width):
            signal = f"{identifier(port.name)}[{bit}]"
            rows.append(f'  always @(posedge {signal}) $display("P {port.name} {bit} %0.3f", $realtime);')
    for (name, bit), times in pulses.items():
        rows.append("  initial begin")
        now = 0.0
        for time in sorted(times):
            rows.append(f"    #{time - now:.3f} {identifier(name)}[{bit}] = 1; #1 {identifier(name)}[{bit}] = 0;")
            now = time + 1
        rows.append("  end")
    return "\n".join([*rows, f"  initial begin #{stop:.3f} $finish; end", "endmodule"]) + "\n"
