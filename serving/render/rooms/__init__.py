"""Path tracing of furnished rooms: what `serving.staging.furnish` asks a renderer for."""
