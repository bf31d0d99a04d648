"""What a photo of a home shows, in words that listings are searched by, each with its evidence."""
