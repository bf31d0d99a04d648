"""The depth model's service."""
