"""What has to hold of settings together: how they are written, and what contradicts what."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_origin

from pydantic import SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from serving import settings_checks as checks
from serving.queues import QUEUES

# which setting may not be less than which other, declared before it
LEAST = {
    "retry_longest_s": "retry_first_s",
    "webhook_longest_retry_s": "webhook_first_retry_s",
    "max_job_photos": "max_photos",
    "upload_quota_bytes": "max_upload_bytes",
}
_EXAMPLES = {tuple: '["one", "two"]', dict: '{"name": 1}'}


class CheckedSettings(BaseSettings):
    """Settings that are checked as a whole, each fault said of one of them."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=None,
        env_ignore_empty=True,
        enable_decoding=False,  # `_read_json` says what is wrong, of all of them
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _read_json(cls, value: object, info: ValidationInfo) -> object:
        kind = get_origin(cls.model_fields[str(info.field_name)].annotation)
        if kind not in _EXAMPLES or not isinstance(value, str):
            return value
        try:
            return json.loads(value, object_pairs_hook=checks.read_once)
        except json.JSONDecodeError:
            raise ValueError(f"is not JSON; write such as {_EXAMPLES[kind]}") from None

    @field_validator("*")
    @classmethod
    def _check_size(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, int | float):
            checks.check_size(str(info.field_name), value)
        return value

    @field_validator("webhook_secrets", check_fields=False)
    @classmethod
    def _check_webhook_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return _check_each(secrets, checks.check_webhook_secret)

    @field_validator("link_secrets", check_fields=False)
    @classmethod
    def _check_link_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return _check_each(secrets, checks.check_link_secret)

    @field_validator("worker_concurrency", check_fields=False)
    @classmethod
    def _check_queues(cls, counts: dict[str, int]) -> dict[str, int]:
        unknown = sorted(counts.keys() - set(QUEUES))
        if unknown:
            raise ValueError(f"there is no queue '{unknown[0]}'; there are {', '.join(QUEUES)}")
        return counts

    @field_validator("api_keys", check_fields=False)
    @classmethod
    def _check_one_client_per_key(
        cls, keys: dict[str, tuple[str, ...]]
    ) -> dict[str, tuple[str, ...]]:
        hashes = [sha256 for client in keys.values() for sha256 in set(client)]
        if len(set(hashes)) < len(hashes):
            raise ValueError("gives the same key to two clients; make one for each")
        return keys

    # A contradiction is said of the field that is declared later: the other is known by then, and
    # all other faults are still found.
    @field_validator("heartbeat_timeout_s", check_fields=False)
    @classmethod
    def _check_timeout(cls, value: float, info: ValidationInfo) -> float:
        beat_s = info.data.get("heartbeat_s", 0.0)
        if value < 2 * beat_s:
            raise ValueError(f"must be at least twice HEARTBEAT_S, which is {beat_s:g}")
        return value

    @field_validator(*LEAST, check_fields=False)
    @classmethod
    def _check_order(cls, value: float, info: ValidationInfo) -> float:
        name = LEAST[str(info.field_name)]
        least = info.data.get(name, value)
        if value < least:
            raise ValueError(f"must not be less than {name.upper()}, which is {least:g}")
        return value

    @field_validator("database_direct_url", check_fields=False)
    @classmethod
    def _check_direct_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("database_url", value) is None:
            raise ValueError("is the same database as DATABASE_URL without a pooler; set that too")
        return value

    @field_validator("provenance_key", check_fields=False)
    @classmethod
    def _check_signer(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        certificates = info.data.get("provenance_certificates", value)
        if (value is None) != (certificates is None):
            raise ValueError("goes with PROVENANCE_CERTIFICATES; set both, or neither of them")
        return value

    @field_validator("storage_encryption", check_fields=False)
    @classmethod
    def _check_encryption(cls, value: str, info: ValidationInfo) -> str:
        if value != "none" and not str(info.data.get("storage_url", "s3://")).startswith("s3://"):
            raise ValueError("needs a STORAGE_URL of S3; a folder is encrypted by its file system")
        return value

    @field_validator("storage_kms_key", check_fields=False)
    @classmethod
    def _check_kms_key(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and info.data.get("storage_encryption", "aws:kms") != "aws:kms":
            raise ValueError("is only used with STORAGE_ENCRYPTION=aws:kms; set that, or unset it")
        return value


def _check_each(
    secrets: tuple[SecretStr, ...], check: Callable[[str], None]
) -> tuple[SecretStr, ...]:
    """Say which of several secrets is bad, without saying it."""
    for number, secret in enumerate(secrets, 1):
        try:
            check(secret.get_secret_value())
        except ValueError as error:
            which = f"secret {number} " if len(secrets) > 1 else ""
            raise ValueError(f"{which}{error}") from None
    return secrets
