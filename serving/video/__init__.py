"""Films of photos, as arrays: what the camera sees, how one clip turns into the next."""
