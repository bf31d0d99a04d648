"""Every setting is looked at when a process starts, and all that is wrong is said at once."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import parse

from serving.environment import find_typos
from serving.settings import Settings
from serving.settings_checks import check_rate


def secret(key: bytes) -> str:
    return f'["whsec_{base64.b64encode(key).decode()}"]'


WRONG = {
    "BACKEND_URL": ["backend:8080", "ftp://backend", "http://", "https://b/?a=1", " https://b"],
    "MODEL_SERVICE_URL": ["models", "http://[::1", "http://models:port"],
    "DATABASE_URL": ["studio", "mysql://u:hunter2hunter2@h/studio", "postgresql://u@h/",
        "postgresql://u@h:port/studio", "postgresql://u@h:/studio",
        "postgresql://u@a:5432,b:5432/studio",
    ],
    "STORAGE_URL": ["/srv", "s3://", "file://srv/objects", "gs://b", "s3://bucket?x=1"],
    "MLFLOW_TRACKING_URI": ["htp://mlflow", "http://"],
    "RATE_LIMIT": ["lots", "0/second", "200", "200/second;5/minute", "-1/second"],
    "FETCH_HOSTS": ["photos.example.com", '["https://a.b"]', '["*"]', '["a.b:0"]', '["a b"]'],
    "CORS_ORIGINS": ["https://a.b", '["a.b"]', '["https://a.b/"]', '["https://a.b/path"]',
        '["https://bücher.example"]',
    ],
    "API_KEYS": ['{"backend": ["vls_hunter2hunter2"]}', '{"": []}', "[]", "hunter2hunter2",
        f'{{"backend": ["{"0a" * 32}"], "backend": ["{"0b" * 32}"]}}',
    ],
    "WORKER_CONCURRENCY": ['{"clasify": 2}', '{"video": 0}', '{"video": "many"}', "2"],
    "WEBHOOK_SECRETS": [
        "my password", '["my password"]', '["whsec_"]', '["whsec_hunter2hunter2"]',
        secret(b"x"), secret(b"only twenty-three bytes"), secret(bytes(32)),
        secret(bytes(range(65))),
    ],
    "LINK_SECRETS": ["hunter2hunter2hunter2", '["short"]', '["aaaaaaaaaaaaaaaaaaaaaaaa"]'],
    "HEARTBEAT_TIMEOUT_S": ["0.9", "nan", "inf", "soon"],
    "RETRY_LONGEST_S": ["1"],
    "WEBHOOK_LONGEST_RETRY_S": ["1"],
    "MAX_JOB_PHOTOS": ["63"],
    "UPLOAD_QUOTA_BYTES": ["1000"],
    "STORAGE_KMS_KEY": ["alias/studio"],
    "DATABASE_DIRECT_URL": ["postgresql://u@h/studio"],
    "ENVIRONMENT": ["prod"],
    "WORKER_METRICS_PORT": ["70000"],
    "WORKER_METRICS_HOST": ["[::]", "127.0.0.1:9300", "0.0.0.0.0", "http://localhost"],
    "PROVENANCE_KEY": ["/key.pem"],
    # for ever, as somebody may write it: what is no date would stop whoever reckons with it
    "UPLOADS_MAX_AGE_S": ["1e12", "99999999999"],
    "JOBS_MAX_AGE_S": ["1e12"],
    "MAX_QUEUED": ["9223372036854775808"],
}  # fmt: skip


def start(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an entry point with these settings and no others."""
    ours = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, *words], env=kept | environment, capture_output=True, text=True, timeout=90
    )


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_setting_is_refused_by_its_name_and_never_repeated(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from serving.environment import read_settings

    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        read_settings()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"  {name}" in said
    assert "1 setting is wrong" in said
    assert "hunter2" not in said
    assert "my password" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "BACKEND_URL": "https://user:word@backend.example.com:8443/hooks/",
        "DATABASE_URL": "postgresql://u:p#w:d@host/studio?sslmode=require",
        "STORAGE_URL": "file:///srv/objects%20of%20ours",
        "MLFLOW_TRACKING_URI": "postgresql+psycopg2://u@h/mlflow",
        "RATE_LIMIT": "1000 per 5 minutes",
        "FETCH_HOSTS": '["photos.example.com", "*.cdn.example.com", "[::1]:8443", "localhost:80"]',
        "CORS_ORIGINS": '["https://app.example.com", "http://localhost:5173", "*"]',
        "WORKER_CONCURRENCY": '{"video": 2, "webhook": 4}',
        "WEBHOOK_SECRETS": secret(bytes(range(32))),
        "LINK_SECRETS": '["a passphrase of some length"]',
        "API_KEYS": f'{{"backend": ["{"0a" * 32}"]}}',
        "BAKED_MODELS": "",
        "WORKER_METRICS_HOST": "::",
    }.items(),
)
def test_a_good_setting_is_taken(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    Settings()


def test_certificates_without_their_key_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures would be signed by nobody that is known."""
    monkeypatch.setenv("PROVENANCE_CERTIFICATES", "/certificates.pem")
    with pytest.raises(ValueError, match="set both"):
        Settings()


def test_an_origin_is_what_browsers_send(monkeypatch: pytest.MonkeyPatch) -> None:
    written = '["https://App.example:443", "http://a.b:80", "http://a.b:443"]'
    monkeypatch.setenv("CORS_ORIGINS", written)
    assert Settings().cors_origins == ("https://app.example", "http://a.b", "http://a.b:443")


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    assert Settings().database_url is None


def test_encryption_of_a_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_URL", "file:///srv")
    monkeypatch.setenv("STORAGE_ENCRYPTION", "AES256")
    with pytest.raises(ValueError, match="needs a STORAGE_URL of S3"):
        Settings()


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{1,4} ?(/|per) ?[0-9]? ?(second|day)s?"))
def test_a_rate_that_is_taken_can_be_read_by_the_limiter(rate: str) -> None:
    try:
        check_rate(rate)
    except ValueError:
        return
    parse(rate)


def test_names_that_are_nearly_ours_are_told_with_the_one_that_is_meant() -> None:
    given = ["WEBHOOK_SECRET", "STORAGE_URI", "RATE_LIMITS", "FETCH_HOST", "STUDIO_DATA", "PATH"]
    given += [name.upper() for name in Settings.model_fields]
    assert dict(find_typos(given, Settings)) == {
        "WEBHOOK_SECRET": "WEBHOOK_SECRETS",
        "STORAGE_URI": "STORAGE_URL",
        "RATE_LIMITS": "RATE_LIMIT",
        "FETCH_HOST": "FETCH_HOSTS",
    }


ENTRANCES = {
    "gateway": ("-m", "bentos.gateway"),
    "bento": ("-c", "import bentos.gateway.service"),
    "worker": ("-m", "serving.worker"),
    "operate": ("-m", "serving.operations", "queues"),
    "api_keys": ("-m", "serving.access.api_keys", "list"),
    "links": ("-m", "serving.access.links", "00000000-0000-0000-0000-000000000000"),
    "migrate": ("-m", "serving.db.migrate"),
    "postgres": ("-m", "serving.db.postgres"),
    "publish": ("-m", "registry.publish", "--once"),
    "dev": ("-m", "stack", "dev"),
}


@pytest.mark.slow
@pytest.mark.parametrize("words", ENTRANCES.values(), ids=ENTRANCES.keys())
def test_every_entry_point_says_all_faults_at_once_and_ends_with_2(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    ended = start(
        *words,
        STUDIO_HOME=str(tmp_path),
        WEBHOOK_SECRETS='["my password"]',
        RATE_LIMIT="lots",
        RETRY_FIRST_S="1000",
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "my password" not in ended.stderr
    for name in ("WEBHOOK_SECRETS", "RATE_LIMIT", "RETRY_LONGEST_S"):
        assert f"  {name}: " in ended.stderr
