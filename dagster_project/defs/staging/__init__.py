"""Batches of rooms to stage."""
