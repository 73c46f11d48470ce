"""Hardware for spiking networks: a time-multiplexed neuron core, a stream top, routers and meshes of cores."""
