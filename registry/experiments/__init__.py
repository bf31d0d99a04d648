"""A/B experiments: named arms with fixed weights, on the same routing as a version's ramp."""
