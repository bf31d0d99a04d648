"""Where the studio's callbacks go on this machine, and what they are signed with."""

import base64
import json
import secrets

from serving.settings import Settings
from stack.local_secrets import keep_secret


def webhook_secrets(settings: Settings) -> list[str]:
    """Return the secrets of the settings, else one made here once and kept beside the data."""
    if settings.webhook_secrets:
        return [secret.get_secret_value() for secret in settings.webhook_secrets]
    return [keep_secret(settings, "webhook-secret", _make_secret)]


def _make_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def callback_environment(settings: Settings) -> dict[str, str]:
    """Return what tells the workers how to sign callbacks, and where to send them."""
    variables = {"WEBHOOK_SECRETS": json.dumps(webhook_secrets(settings))}
    return variables | ({"BACKEND_URL": settings.backend_url} if settings.backend_url else {})


def describe_callbacks(settings: Settings) -> str:
    """Say where callbacks go, without saying the secret."""
    if settings.backend_url is None:
        return "Callbacks go nowhere: set BACKEND_URL, http://127.0.0.1:8080 for stack.backend."
    kept = "WEBHOOK_SECRETS" if settings.webhook_secrets else settings.home() / "webhook-secret"
    return f"Callbacks go to {settings.backend_url.rstrip('/')}/webhooks/…, signed with {kept}."
