"""Path-traced interiors with ground truth: a scene from a seed, its camera, its pictures."""
