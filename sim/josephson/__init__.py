"""Circuits of Josephson junctions in the time domain: JoSIM decks in and out, RCSJ model, thermal noise."""
