"""What the room assets use when they run; kept out of `defs/`, all of which Dagster imports."""
