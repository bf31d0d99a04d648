"""Which room a photo shows: what is this model's own of its training."""
