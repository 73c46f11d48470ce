"""Design-space exploration: many configurations of one model, measured on one target, and the best trade-offs kept."""
