"""The build directory: written whole or not at all, described by its manifest, verified when it is read."""

from nc.compiler.builds.exchange import staged
from nc.compiler.builds.manifest import SCHEMA, Manifest
from nc.compiler.builds.reader import Build

__all__ = ["SCHEMA", "Build", "Manifest", "staged"]
