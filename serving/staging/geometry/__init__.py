"""From a photo to its room: the camera by straight lines, the box and its openings by classes."""
