"""The saliency model's service."""
