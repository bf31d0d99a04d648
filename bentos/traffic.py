"""What our BentoML services have in common."""

import os
from pathlib import Path
from typing import Any

import bentos
from serving.process import die_with_parent
from serving.settings import Settings

# BentoML's access log, trace span and metrics per request cost more CPU than anything else around
# an inference on a CPU; what is worth knowing is measured by the services themselves.
QUIET: dict[str, Any] = {
    "logging": {"access": {"enabled": False}},
    "tracing": {"excluded_urls": ".*"},
    "metrics": {"enabled": False},
}
# By default the caller's session is closed every 100 requests with others in flight.
KEEP_CONNECTIONS: dict[str, Any] = {
    "runner_connection": {"max_requests": 10**9, "max_age": 1e9},
}


def baked_models(settings: Settings) -> Path:
    """Return where the models lie that came with the bento."""
    return settings.baked_models or Path(bentos.__file__).resolve().parents[1] / "models"


def end_with_arbiter() -> None:
    """End with `bentoml serve`, if that started us: its servers would outlive it on their ports."""
    if "BENTOML_RUNNER_MAP" in os.environ:
        die_with_parent()
