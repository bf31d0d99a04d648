"""docs/operations.md says what is: its settings are all settings, its commands do what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serving.access.api_keys import create_key, live_keys
from serving.db.engine import create_databases
from serving.db.migrate import prepare
from serving.settings import Settings
from serving.storage.objects import storage_of
from stack.callbacks import webhook_secrets
from stack.settings_table import _KINDS, FILE, write
from tests.conftest import run_postgres


def test_the_table_of_settings_is_that_of_the_settings() -> None:
    page = FILE.read_text()
    assert write(page) == page, "run python -m stack.settings_table"


def test_every_setting_says_what_it_is() -> None:
    silent = [
        name
        for kind in _KINDS.values()
        for name, field in kind.model_fields.items()
        if not field.description
    ]
    assert not silent


def tried(name: str) -> str:
    """Return the commands that the page gives under that mark."""
    found = re.search(rf"<!-- tried: {name} -->\n```bash\n(.*?)```", FILE.read_text(), re.DOTALL)
    assert found
    return found[1]


def run(commands: str, home: Path, backup: Path) -> None:
    env = {
        "STUDIO_HOME": str(home),
        "BACKUP": str(backup),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=os.environ | env,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_what_was_backed_up_as_written_is_there_after_the_restore_as_written(
    tmp_path: Path,
) -> None:
    old, new = (Settings(studio_home=tmp_path / name) for name in ("old", "new"))
    with run_postgres(old):
        create_databases(old, ("mlflow", "dagster"))
        create_key(prepare(old), "backend")
        storage_of(old).write("listings/42/kitchen.jpg", b"a kitchen")
        (secret,) = webhook_secrets(old)
        run(tried("backup"), old.home(), tmp_path / "backup")
    run(tried("restore"), new.home(), tmp_path / "backup")
    with run_postgres(new):
        assert list(live_keys(prepare(new)).values()) == ["backend"]
    assert storage_of(new).read("listings/42/kitchen.jpg") == b"a kitchen"
    assert webhook_secrets(new) == [secret]
