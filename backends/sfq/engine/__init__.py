"""The time-multiplexed engine: one column a neuron, layers and inputs one after the other, weights streamed in."""
