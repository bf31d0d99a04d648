"""Learns `serving.photos.quality`: real photos made worse by known amounts."""
