"""Where to look in a photo, and how to crop it for every format."""
