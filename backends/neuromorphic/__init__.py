"""The neuromorphic target: our neuron core, and configurations of third-party cores with their golden models."""

from nc.backends.neuromorphic.backend import BACKEND

__all__ = ["BACKEND"]
