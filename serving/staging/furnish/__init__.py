"""Furniture put into a photo: its light estimated, the scene traced, and the two joined."""
