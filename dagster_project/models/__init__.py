"""What the assets of models use when they run; Dagster imports all of `defs/`, and not this."""
