"""The front door: what the commands do, callable from Python. Here models, passes, backends and tools meet."""
