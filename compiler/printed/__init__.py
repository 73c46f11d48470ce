"""Bespoke approximate classifiers: their integer model, area model, hardware-aware training and search."""
