"""What the processes read from the environment."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Made once, at the door of a process, and passed down; never at import.

    Each field is the environment variable of the same name in capitals.
    """

    model_config = SettingsConfigDict(frozen=True, env_file=None)

    studio_home: Path = Field(Path(".studio"), description="where everything local is kept")
    database_url: str | None = Field(None, description="unset: the embedded PostgreSQL")
    storage_url: str | None = Field(None, description="file:///folder or s3://bucket/prefix")
    mlflow_tracking_uri: str | None = Field(None, description="unset: straight to the database")
    environment: Literal["development", "production"] = "development"
    allow_licences: tuple[str, ...] = Field((), description="restricted licences to serve anyway")

    serving_models: Literal["auto", "inline", "service"] = Field(
        "auto", description="model in the gateway's process, or as its own service"
    )
    slots: Literal["follow", "pinned"] = Field(
        "follow", description="pinned: serve only the model baked into the bento"
    )
    baked_models: Path | None = Field(
        None, description="models to fall back to; unset: `models/` beside the packages"
    )
    slots_poll_s: float = Field(2.0, gt=0)
    publish_poll_s: float = Field(2.0, gt=0)
    api_keys: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="client → SHA-256 of its keys, as JSON; beside the keys in the database",
    )
    max_body_bytes: int = Field(48 * 2**20, gt=0)
    max_audio_bytes: int = Field(200 * 2**20, gt=0)
    max_audio_s: float = Field(1200.0, gt=0)
    max_pixels: int = Field(80_000_000, gt=0, description="width x height, read before decoding")
    max_film_pixels: int = Field(200_000_000, gt=0, description="of a photo in a film")
    max_photos: int = Field(64, gt=0, description="per request; more is a job")
    max_job_photos: int = Field(5_000, gt=0, description="per job")
    rate_limit: str = Field(
        "200/second",
        description="requests per client and gateway, as the package `limits` reads it",
    )
    cors_origins: tuple[str, ...] = Field((), description="browsers of these may call; as JSON")
    model_threads: int = Field(0, ge=0, description="photos worked on at once; 0: one per core")

    # jobs
    max_queued: int = Field(10_000, gt=0, description="waiting per queue; more is refused (503)")
    worker_concurrency: dict[str, int] = Field(
        default_factory=dict, description="jobs at once by queue, as JSON; the others by default"
    )
    model_service_url: str | None = Field(
        None, description="workers ask the model service there; unset: they hold the models"
    )
    gpu_jobs: int = Field(1, gt=0, description="jobs at once on this worker's GPU, if there is one")
    worker_grace_s: float = Field(15.0, ge=0, description="for running jobs when told to stop")
    heartbeat_s: float = Field(0.5, gt=0)
    heartbeat_timeout_s: float = Field(2.5, gt=0, description="a worker silent for longer is dead")
    job_failures: int = Field(5, gt=0, description="transient errors before a job has failed")
    job_losses: int = Field(10, gt=0, description="dead workers before a job has failed")
    retry_first_s: float = Field(2.0, gt=0, description="doubled at each further failure")
    retry_longest_s: float = Field(600.0, gt=0)
    clips_max_bytes: int = Field(50 * 2**30, gt=0, description="of kept clips; the oldest go first")
    clips_max_age_s: float = Field(30 * 24 * 3600.0, gt=0, description="since a clip was last used")
    answers_kept: int = Field(1_000_000, ge=0, description="in the result cache; 0: there is none")

    # webhooks
    backend_url: str | None = Field(None, description="callbacks go to its /webhooks/…")
    webhook_secrets: tuple[SecretStr, ...] = Field(
        (), description="whsec_…, as JSON; each signs, so that a new one can be rolled out"
    )
    webhook_timeout_s: float = Field(10.0, gt=0)
    webhook_first_retry_s: float = Field(
        5.0, gt=0, description="four times as long at each further"
    )
    webhook_longest_retry_s: float = Field(24 * 3600.0, gt=0)
    webhook_attempts: int = Field(12, gt=0, description="then the delivery is a dead letter")

    # links
    link_secrets: tuple[Annotated[SecretStr, Field(min_length=16)], ...] = Field(
        (), description="sign links to jobs, as JSON: the first signs, all open; empty: no links"
    )
    link_lifetime_s: float = Field(7 * 24 * 3600.0, gt=0, description="of a link that is given out")

    # observability
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_form: Literal["auto", "json", "human"] = Field(
        "auto", description="auto: JSON lines, and a form for people at a terminal"
    )
    log_requests: Literal["failed", "all"] = Field(
        "failed", description="failed: answers from 500 on, and slow ones"
    )
    slow_request_s: float = Field(2.0, gt=0, description="a request that takes longer is logged")
    worker_metrics_port: int = Field(
        0, ge=0, lt=2**16, description="0: off; a taken one makes a worker try those after it"
    )
    worker_metrics_host: str = Field(
        "127.0.0.1", description="listened on, without a key: keep it inside"
    )

    # storage and downloads
    storage_encryption: Literal["none", "AES256", "aws:kms"] = Field(
        "none", description="server-side, S3 only; none: as the bucket is set up"
    )
    storage_kms_key: str | None = Field(None, description="for aws:kms; unset: the bucket's own")
    scratch_max_bytes: int = Field(20 * 2**30, gt=0, description="temporary files of all jobs")
    scratch_max_age_s: float = Field(24 * 3600.0, gt=0, description="stray files go after this")
    fetch_hosts: tuple[str, ...] = Field(
        (), description="downloaded from, as JSON: names, name:port and *.name; empty: nowhere"
    )
    fetch_private: bool = Field(
        False, description="private and loopback addresses and any port, for development"
    )
    fetch_max_bytes: int = Field(64 * 2**20, gt=0)
    fetch_timeout_s: float = Field(60.0, gt=0, description="a whole download")

    def home(self) -> Path:
        """Return the data folder, absolute; it may not exist yet."""
        return self.studio_home.expanduser().absolute()

    def socket_folder(self) -> Path:
        """Return where the embedded PostgreSQL listens.

        Short, because a socket's path may not pass about 100 characters, and one per home and
        user.
        """
        name = hashlib.sha256(str(self.home()).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"listing-studio-{os.getuid()}-{name}"

    def scratch(self) -> Path:
        """Return where temporary files of jobs are kept."""
        return self.home() / "scratch"

    def storage(self) -> str:
        """Return the storage's URL; by default a folder below the home."""
        return self.storage_url or (self.home() / "objects").as_uri()

    def serve_inline(self, gpu: bool) -> bool:
        """Say whether the gateway holds the models itself.

        On a CPU batching gains 4 % and the hop costs as much as half an inference, so `auto` means
        inline there and a service of its own where a GPU rewards batches.
        """
        return self.serving_models == "inline" or (self.serving_models == "auto" and not gpu)
