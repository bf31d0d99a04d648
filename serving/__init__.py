"""What answers the backend: media, models, storage, the database."""

__version__ = "0.1.0"
