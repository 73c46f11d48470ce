"""Neurons onto cores, cores onto a mesh: `mapper.map_network` is the way in."""
