"""What music is made of, and how it is cut, mixed and brought to level: arrays in, values out."""
