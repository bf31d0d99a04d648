"""Rooms lit by a few rays a pixel: many views with their true depth, at a second each."""
