"""Is a finished film as planned: figures of its frames and sound, and faults found in them."""
