"""What a photo shows, pixel by pixel: pure functions on arrays, and the tasks that need a model."""
