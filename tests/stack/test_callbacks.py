"""The studio signs its callbacks without being told how."""

import json
from pathlib import Path

from pydantic import SecretStr
from standardwebhooks import Webhook

from serving.settings import Settings
from stack.callbacks import callback_environment, describe_callbacks, webhook_secrets

ONE, TWO = (
    "whsec_b25lIHNlY3JldCBvZiB0aGUgYmFja2VuZCdz",
    "whsec_dHdvIHNlY3JldHMgYXJlIGJldHRlciBzdGlsbA==",
)


def test_a_secret_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    settings = Settings(studio_home=tmp_path / "home")
    (made,) = webhook_secrets(settings)
    Webhook(made)
    assert webhook_secrets(settings) == [made]
    assert (tmp_path / "home" / "webhook-secret").stat().st_mode & 0o777 == 0o600
    assert made not in describe_callbacks(settings)


def test_workers_are_told_what_the_settings_say(tmp_path: Path) -> None:
    given = Settings(
        studio_home=tmp_path,
        backend_url="http://127.0.0.1:8080",
        webhook_secrets=(
            SecretStr(ONE),
            SecretStr(TWO),
        ),
    )
    told = callback_environment(given)
    assert told["BACKEND_URL"] == given.backend_url
    assert json.loads(told["WEBHOOK_SECRETS"]) == [ONE, TWO]
    assert "http://127.0.0.1:8080/webhooks/" in describe_callbacks(given)
    assert list(tmp_path.iterdir()) == []


def test_without_a_backend_it_is_said_how_to_name_one(tmp_path: Path) -> None:
    settings = Settings(studio_home=tmp_path)
    assert "BACKEND_URL" not in callback_environment(settings)
    assert "BACKEND_URL" in describe_callbacks(settings)
