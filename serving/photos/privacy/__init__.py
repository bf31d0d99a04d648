"""Faces and number plates: where they are, and a photo without them."""
