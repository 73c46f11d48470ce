"""`nc devices`: the chips, boards and technology-free architectures that `nc synth` knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nc.compiler.cli.output import Output

if TYPE_CHECKING:
    from rich.table import Table


def run(out: Output) -> None:
    """List the devices and boards for nc synth."""
    from nc.backends.synth.boards import BOARDS
    from nc.backends.synth.devices import DEVICES

    def table() -> Table:
        from rich.table import Table

        drawn = Table("device", "what it is", "LUTs", "FFs", "place and route", box=None, header_style="bold")
        for device in DEVICES.values():
            size = [f"{n:,}" if n else "" for n in (device.luts, device.ffs)]
            drawn.add_row(device.name, device.summary, *size, device.pnr or "")
        for name, (_, _, device_name, _) in BOARDS.items():
            drawn.add_row(f"--board {name}", f"board with {device_name}", "", "", DEVICES[device_name].pnr)
        return drawn

    names = ("name", "summary", "lut_inputs", "luts", "ffs", "brams", "dsps", "pins", "pnr")
    fields = [{name: getattr(device, name) for name in names} for device in DEVICES.values()]
    boards = [{"name": name, "device": row[2]} for name, row in BOARDS.items()]
    out.result({"devices": fields, "boards": boards}, lambda c: c.print(table()))
