"""Spiking networks: populations and projections, in float (`network`) and exact fixed point (`fixed`)."""
