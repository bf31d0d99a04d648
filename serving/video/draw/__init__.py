"""How frames are drawn: planes of pixels, the camera, transitions, grades, pictures on top."""
