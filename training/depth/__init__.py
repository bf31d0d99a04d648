"""The depth model: how far away every pixel is, learned from rooms that are drawn."""
