"""nc compare: one network on several technologies, every figure with its unit, its assumption and its check."""
