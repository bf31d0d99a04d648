"""The upscaler: photos with twice the pixels a side, by a network small enough for a CPU."""
