"""What the processes read from the environment.

An entry point reads it with `serving.environment.read_settings`, which says all that is wrong at
once; `serving.settings_checks` knows what a value must look like.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
)

from serving import settings_checks as checks
from serving.licences import LicencePolicy
from serving.settings_rules import CheckedSettings

HttpUrl = Annotated[str, AfterValidator(checks.check_http_url)]
KeyHash = Annotated[str, AfterValidator(checks.check_key_hash)]
ClientName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class Settings(CheckedSettings):
    """Made once, at the door of a process, and passed down; never at import.

    Each field is the environment variable of the same name in capitals.
    """

    studio_home: Path = Field(Path(".studio"), description="where everything local is kept")
    database_url: Annotated[str, AfterValidator(checks.check_database_url)] | None = Field(
        None, description="unset: the embedded PostgreSQL"
    )
    database_direct_url: Annotated[str, AfterValidator(checks.check_database_url)] | None = Field(
        None,
        description="the same database without a pooler between, where DATABASE_URL leads through "
        "one that gives each transaction another session (pgbouncer with pool_mode=transaction)",
    )
    storage_url: Annotated[str, AfterValidator(checks.check_storage_url)] | None = Field(
        None, description="file:///folder or s3://bucket/prefix"
    )
    mlflow_tracking_uri: Annotated[str, AfterValidator(checks.check_tracking_uri)] | None = Field(
        None, description="unset: straight to the database"
    )
    environment: Literal["development", "production"] = Field(
        "development", description="production refuses weights of restricted licences"
    )
    allow_licences: tuple[str, ...] = Field(
        (), description='restricted licences to use all the same, as JSON: ["research"]'
    )
    allow_gates: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...] = Field(
        (),
        description="SHA-256 of gates files that may decide beside registry/gates, as JSON",
    )
    allow_test_sets: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...] = Field(
        (), description="digests of frozen test sets to be judged on besides the starter's, as JSON"
    )

    serving_models: Literal["auto", "inline", "service"] = Field(
        "auto", description="model in the gateway's process, or as its own service"
    )
    slots: Literal["follow", "pinned"] = Field(
        "follow", description="pinned: serve only the model baked into the bento"
    )
    baked_models: Path | None = Field(
        None, description="models to fall back to; unset: `models/` beside the packages"
    )
    slots_poll_s: float = Field(2.0, gt=0, description="between looks at which model answers")
    challenger_url: Annotated[str, AfterValidator(checks.check_url_template)] | None = Field(
        None,
        description="a version beside the champion is asked there, such as "
        "http://{task}-{slot}:3000; unset: through its process's socket on this machine",
    )
    challenger_memory_bytes: int = Field(
        2 * 2**30,
        ge=0,
        description="of data that such a version's process may have; more is refused it; 0: no "
        "bound, as a GPU's driver may need",
    )
    challenger_hung_s: float = Field(
        30.0, gt=0, description="a batch that takes such a process longer ends it; it starts again"
    )
    challenger_deadline_s: float = Field(
        0.5,
        gt=0,
        description="for such a version to answer a caller; then the champion's answer is given",
    )
    challenger_requests: int = Field(
        4, gt=0, description="at once to such a version, of callers that wait; as many beside them"
    )
    shadow_bytes: int = Field(
        32 * 2**20,
        gt=0,
        description="of photos that wait to be shown to a challenger beside the champion",
    )
    ramp_rules: Path | None = Field(
        None, description="folder of the ramps' rules, `common.yaml` and `TASK.yaml`; unset: ours"
    )
    publish_poll_s: float = Field(
        2.0, gt=0, description="between the publisher's looks at MLflow's aliases"
    )
    api_keys: dict[ClientName, tuple[KeyHash, ...]] = Field(
        default_factory=dict,
        description="client → SHA-256 of its keys, as JSON; beside the keys in the database",
    )
    operator_clients: tuple[ClientName, ...] = Field(
        (), description="clients whose keys may take model versions back, as JSON; empty: nobody"
    )
    provenance_certificates: Path | None = Field(
        None, description="PEM, the signer's first, of who vouches for staged pictures (C2PA)"
    )
    provenance_key: Path | None = Field(
        None,
        validate_default=True,  # so that certificates without it are noticed
        description="PEM, ES256, of the first of these; unset: one of this installation's own",
    )
    max_body_bytes: int = Field(48 * 2**20, gt=0, description="of a request")
    max_audio_bytes: int = Field(200 * 2**20, gt=0, description="of a track")
    max_audio_s: float = Field(1200.0, gt=0, description="length of a track")
    max_pixels: int = Field(
        200_000_000, gt=0, description="width x height of a photo, read before decoding"
    )
    photo_memory_bytes: int = Field(
        2 * 2**30,
        ge=2**28,
        description="of a process: a quarter for files sent, the rest for photos being decoded",
    )
    photo_wait_s: float = Field(
        5.0, ge=0, description="the gateway waits so long for that memory, then answers 503"
    )
    max_photos: int = Field(64, gt=0, description="per request; more is a job")
    max_job_photos: int = Field(5_000, gt=0, description="per job")
    rate_limit: Annotated[str, AfterValidator(checks.check_rate)] = Field(
        "200/second",
        description="requests per client and gateway, as the package `limits` reads it",
    )
    max_requests: int = Field(
        512, gt=0, description="worked on at once, until their answers begin; more is refused (503)"
    )
    max_streams: int = Field(1000, gt=0, description="event streams at once, of all who watch")
    max_streams_per_client: int = Field(500, gt=0, description="with one client's keys; 429")
    max_streams_per_link: int = Field(50, gt=0, description="with links to one job; 429")
    max_connections: int = Field(
        2048, gt=0, description="above it the longest idle one makes room, or the new one gets 503"
    )
    header_timeout_s: float = Field(
        10.0, gt=0, description="for a request's headers to arrive, from their first byte on"
    )
    max_header_bytes: int = Field(
        32 * 2**10, ge=2**10, description="of a request's first line and headers; 431"
    )
    keep_alive_s: float = Field(
        75.0, gt=0, description="for the next request; longer than the load balancer's own"
    )
    body_idle_s: float = Field(20.0, gt=0, description="in which nothing of a body arrives; 408")
    body_window_s: float = Field(30.0, gt=0, description="over which a body's rate is averaged")
    body_min_rate: int = Field(1000, ge=0, description="bytes/s of a body; slower gets 408")
    send_stall_s: float = Field(
        60.0, gt=0, description="in which a client takes nothing of its answer; then it is cut"
    )
    database_threads: int = Field(16, gt=0, le=16, description="questions to the database at once")
    storage_threads: int = Field(16, gt=0, description="of the storage's objects, at once")
    download_threads: int = Field(8, gt=0, description="downloads from `FETCH_HOSTS` at once")
    pool_wait_s: float = Field(5.0, gt=0, description="for one of these threads; then 503")
    cpu_wait_s: float = Field(20.0, gt=0, description="for a core: photos and sound; then 503")
    cpu_deadline_s: float = Field(120.0, gt=0, description="for a photo or a track; then 503")
    database_deadline_s: float = Field(15.0, gt=0, description="for an answer; then 503")
    upload_deadline_s: float = Field(
        600.0, gt=0, description="for an upload's bytes to be kept, however large; then 503"
    )
    storage_deadline_s: float = Field(60.0, gt=0, description="for an object; then 503")
    cors_origins: tuple[Annotated[str, AfterValidator(checks.check_origin)], ...] = Field(
        (), description="browsers of these may call; as JSON"
    )
    model_threads: int = Field(0, ge=0, description="photos worked on at once; 0: one per core")
    model_requests: int = Field(
        1, gt=0, description="requests to a model service at once, each with all photos that wait"
    )

    # jobs
    max_queued: int = Field(10_000, gt=0, description="waiting per queue; more is refused (503)")
    worker_concurrency: dict[str, Annotated[int, Field(gt=0, le=1000)]] = Field(
        default_factory=dict, description="jobs at once by queue, as JSON; the others by default"
    )
    model_service_url: HttpUrl | None = Field(
        None,
        description="workers ask the services at `URL/TASK` there; unset: they hold the models",
    )
    gpu_jobs: int = Field(1, gt=0, description="jobs at once on this worker's GPU, if there is one")
    worker_grace_s: float = Field(15.0, ge=0, description="for running jobs when told to stop")
    heartbeat_s: float = Field(0.5, gt=0, description="between a worker's signs of life")
    heartbeat_timeout_s: float = Field(
        2.5,
        gt=0,
        description="a worker that is silent for longer, and whose connection to the database is "
        "gone, is dead; as much longer as its heartbeats were late before",
    )
    worker_hung_s: float = Field(
        60.0, gt=0, description="the same of a worker whose connection is still there"
    )
    job_failures: int = Field(5, gt=0, description="transient errors before a job has failed")
    job_losses: int = Field(10, gt=0, description="dead workers before a job has failed")
    retry_first_s: float = Field(2.0, gt=0, description="doubled at each further failure")
    retry_longest_s: float = Field(600.0, gt=0, description="no retry of a job waits longer")
    clips_max_bytes: int = Field(50 * 2**30, gt=0, description="of kept clips; the oldest go first")
    clips_max_age_s: float = Field(30 * 24 * 3600.0, gt=0, description="since a clip was last used")
    answers_kept: int = Field(1_000_000, ge=0, description="in the result cache; 0: there is none")

    # retention; an age of 0 keeps for ever
    jobs_max_age_s: float = Field(
        180 * 24 * 3600.0,
        ge=0,
        description="since a job ended; its events, callbacks, films and idempotency key go too",
    )
    films_max_age_s: float = Field(
        0.0, ge=0, description="since its job ended; 0: films stay as long as their job"
    )
    deliveries_max_age_s: float = Field(
        30 * 24 * 3600.0, ge=0, description="since a callback was delivered or given up"
    )
    stages_max_age_s: float = Field(
        30 * 24 * 3600.0, ge=0, description="since a stage of a job, such as a mix, was made"
    )
    kits_max_age_s: float = Field(
        30 * 24 * 3600.0,
        ge=0,
        description="since a client deleted a design kit, or since a mesh or picture came that no "
        "kit names; what a job names stays as long as the job",
    )
    erasures_max_age_s: float = Field(
        365 * 24 * 3600.0, ge=0, description="since an erasure was done, of the note of it"
    )

    # what models answered
    observed_bytes: int = Field(
        32 * 2**20,
        ge=2**20,
        description="of answers that wait to be written down; more is dropped and counted",
    )
    predictions_sampled: float = Field(
        0.1,
        ge=0,
        le=1,
        description="the share of listings whose answers are written down while a task has one "
        "version; with another beside it: all",
    )
    predictions_kept_days: int = Field(
        90, ge=1, le=3650, description="of answers written down, and what was observed of them"
    )
    keep_photos: float = Field(
        0.05,
        ge=0,
        le=1,
        description="the share of these photos of which a small picture is kept; if above 0, all "
        "about which two versions disagree; 0: none at all",
    )
    kept_photos_days: int = Field(30, ge=1, le=3650, description="of a small picture")

    # uploads
    max_upload_bytes: int = Field(2**30, gt=0, description="of one upload")
    upload_quota_bytes: int = Field(20 * 2**30, gt=0, description="of a client's uploads together")
    max_uploads: int = Field(100_000, gt=0, description="kept at once for a client")
    uploads_max_age_s: float = Field(
        30 * 24 * 3600.0, ge=0, description="since an upload was last used; 0: for ever"
    )
    uploads_unfinished_age_s: float = Field(
        24 * 3600.0, gt=0, description="since a part of an unfinished upload arrived"
    )

    # webhooks
    backend_url: HttpUrl | None = Field(None, description="callbacks go to its /webhooks/…")
    webhook_secrets: tuple[SecretStr, ...] = Field(
        (), description="whsec_…, as JSON; each signs, so that a new one can be rolled out"
    )
    webhook_timeout_s: float = Field(10.0, gt=0, description="for the backend to answer")
    webhook_first_retry_s: float = Field(
        5.0, gt=0, description="four times as long at each further"
    )
    webhook_longest_retry_s: float = Field(
        24 * 3600.0, gt=0, description="no retry of a delivery waits longer"
    )
    webhook_max_bytes: int = Field(
        64 * 2**10, ge=4096, description="of a body; a larger one is sent thin and names its job"
    )
    webhook_attempts: int = Field(12, gt=0, description="then the delivery is a dead letter")

    # links
    link_secrets: tuple[SecretStr, ...] = Field(
        (), description="sign links to jobs, as JSON: the first signs, all open; empty: no links"
    )
    link_lifetime_s: float = Field(7 * 24 * 3600.0, gt=0, description="of a link that is given out")

    # observability
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="what is less important is not written"
    )
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
    publisher_metrics_port: int = Field(
        0, ge=0, lt=2**16, description="of the registry's publisher and guard; 0: off"
    )
    worker_metrics_host: Annotated[str, AfterValidator(checks.check_address)] = Field(
        "127.0.0.1", description="listened on, without a key: keep it inside"
    )

    # storage and downloads
    storage_encryption: Literal["none", "AES256", "aws:kms"] = Field(
        "none", description="server-side, S3 only; none: as the bucket is set up"
    )
    storage_kms_key: str | None = Field(None, description="for aws:kms; unset: the bucket's own")
    scratch_max_bytes: int = Field(20 * 2**30, gt=0, description="temporary files of all jobs")
    scratch_max_age_s: float = Field(24 * 3600.0, gt=0, description="stray files go after this")
    fetch_hosts: tuple[Annotated[str, AfterValidator(checks.check_fetch_host)], ...] = Field(
        (), description="downloaded from, as JSON: names, name:port and *.name; empty: nowhere"
    )
    fetch_private: bool = Field(
        False, description="private and loopback addresses and any port, for development"
    )
    fetch_max_bytes: int = Field(64 * 2**20, gt=0, description="of a photo that is downloaded")
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

    def licences(self) -> LicencePolicy:
        """Return which licences of weights may be used here."""
        return LicencePolicy(self.environment == "production", self.allow_licences)

    def storage(self) -> str:
        """Return the storage's URL; by default a folder below the home."""
        return self.storage_url or (self.home() / "objects").as_uri()

    def serve_inline(self, gpu: bool) -> bool:
        """Say whether the gateway holds the models itself.

        On a CPU batching gains 4 % and the hop costs as much as half an inference, so `auto` means
        inline there and a service of its own where a GPU rewards batches.
        """
        return self.serving_models == "inline" or (self.serving_models == "auto" and not gpu)
