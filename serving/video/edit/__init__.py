"""How a film is cut: what it shows and when, from photos, a template and a track's beats."""
