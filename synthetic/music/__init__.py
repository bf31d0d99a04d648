"""Music with its true beats, and sounds without any, made from a seed."""
