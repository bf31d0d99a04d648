"""What is made from a seed, with its truth: path-traced interiors, and music."""
