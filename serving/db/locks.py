"""Advisory locks that several folders take."""

OBSERVATIONS = 7_305_219
"""Held shared while observations are written, and alone for a moment before a listing's go."""
KITS = 7_305_232
"""Held shared while a client's kit or its assets change, and alone while what none names goes."""
