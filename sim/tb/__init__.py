"""The files of a generated bench, copied as they are into a build's `tb/`: they need no `nc`, only numpy and cocotb."""
