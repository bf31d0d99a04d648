"""Secrets that a studio on one machine makes for itself, once, and keeps beside its data."""

import os
import secrets
from collections.abc import Callable

from serving.settings import Settings


def keep_secret(settings: Settings, name: str, make: Callable[[], str]) -> str:
    """Return the secret in the file `name` of the home, made by `make` if it is not there."""
    file = settings.home() / name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as opened:
            opened.write(make())
    return file.read_text()


def link_secrets(settings: Settings) -> list[str]:
    """Return what signs links to jobs: the settings' secrets, else one of our own."""
    if settings.link_secrets:
        return [secret.get_secret_value() for secret in settings.link_secrets]
    return [keep_secret(settings, "link-secret", lambda: secrets.token_urlsafe(32))]
