"""Packs: chunks sealed one after another, a trailer that lists them, a footer that proves them."""
