"""Films as files: segments rendered apart, kept by content, joined packet by packet."""
