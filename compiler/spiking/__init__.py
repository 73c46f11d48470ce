"""Passes over spiking networks: quantisation, calibration checks, conversion of ordinary networks, mapping."""
