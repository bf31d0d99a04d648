"""Advisory locks that several folders take."""

OBSERVATIONS = 7_305_219
"""Held shared while observations are written, and alone for a moment before a listing's go."""
