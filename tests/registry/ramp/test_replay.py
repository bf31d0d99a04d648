"""A replay asks two versions about kept pictures, and says where they differ."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, insert, text

from registry.promote import promote
from registry.ramp.__main__ import main
from registry.ramp.replay import Replay, replay
from registry.ramp.replay_page import PAGE_FILE, PAGE_TAG, as_text, log_replay, render_replay
from serving.db.canary_tables import Feedback, KeptPhoto
from serving.errors import BadInput
from serving.settings import Settings
from serving.storage.interface import Storage
from tests.fakes import BLUE, COLOURS, GREEN, RED, TASK, encode, picture
from tests.registry.conftest import Register

if TYPE_CHECKING:
    from mlflow import MlflowClient

pytestmark = pytest.mark.slow


def keep(engine: Engine, storage: Storage, number: int, data: bytes, correct: str = "") -> None:
    key = f"kept/{number}"
    storage.write(key, data)
    row = {"content_sha256": f"{number:064}", "listing_key": str(number // 4), "bytes": 1}
    with engine.begin() as connection:
        for client in ("one", "two"):  # both sent the same photo
            connection.execute(
                insert(KeptPhoto).values(row | {"client": client, "object_key": key})
            )
        if correct:
            said = {"task": TASK, "content_sha256": f"{number:064}", "client": "one"}
            connection.execute(insert(Feedback).values(said | {"correct": correct}))


@pytest.fixture
def versions(client: "MlflowClient", register_version: Register) -> tuple[str, str]:
    """A champion, and a version that takes red for blue and the other way about."""
    red, green, blue = COLOURS
    champion, swapped = register_version(), register_version(labels=(blue, green, red))
    promote(client, TASK, champion)
    return champion, swapped


def test_a_replay_counts_by_what_the_champion_says_and_shows_the_photos(
    client: "MlflowClient", engine: Engine, storage: Storage, versions: tuple[str, str]
) -> None:
    champion, swapped = versions
    for number, colour in enumerate((RED, GREEN, BLUE, RED)):
        data = encode(picture(colour), "WEBP", lossless=True)
        keep(engine, storage, number, data, "red" if number == 0 else "")
    keep(engine, storage, 8, b"damaged")
    keep(engine, storage, 9, b"gone")
    storage.delete("kept/9")
    found = replay(client, engine, storage, (TASK, swapped))
    assert (found.photos, found.whole.differ, found.failed) == (4, 3, 0)
    assert {group.name: group.differ for group in found.groups} == {
        "all photos": 3, "red": 2, "blue": 1, "green": 0,
    }  # fmt: skip
    assert (found.labelled, found.right) == (1, {champion: 1, swapped: 0})
    assert not found.is_fine
    assert "red" in found.verdict
    assert len(found.differences) == 2, "two of a listing are enough"
    assert found.speed.keys() == {champion, swapped}
    log_replay(client, engine, found)
    version = client.get_model_version(TASK, swapped)
    assert version.tags[PAGE_TAG].endswith(PAGE_FILE)
    assert render_replay(found).count("data:image/webp") == 2


def test_photos_that_are_older_than_asked_for_are_left_out(
    client: "MlflowClient", engine: Engine, storage: Storage, versions: tuple[str, str]
) -> None:
    keep(engine, storage, 1, encode(picture(RED), "WEBP"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE kept_photos SET at = now() - interval '3 days'"))
    found = replay(client, engine, storage, (TASK, versions[1]), days=2)
    assert found.photos == 0
    assert "nothing can be said" in as_text(found)
    assert "None is kept" in render_replay(found)
    assert replay(client, engine, storage, (TASK, versions[1]), days=4).photos == 1


def test_the_champion_is_not_replayed_against_itself(
    client: "MlflowClient", engine: Engine, storage: Storage, versions: tuple[str, str]
) -> None:
    with pytest.raises(BadInput, match="no other champion"):
        replay(client, engine, storage, (TASK, versions[0]))


def test_a_version_that_breaks_is_not_fine() -> None:
    found = Replay(TASK, "2", "1", 7, 0, 3, (), {}, 0, {}, ())
    assert not found.is_fine


def test_the_command_tells_where_they_differ_and_its_code_says_whether_that_is_too_much(
    engine: Engine,
    storage: Storage,
    versions: tuple[str, str],
    registry_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("studio_home", "database_url", "mlflow_tracking_uri"):
        monkeypatch.setenv(name.upper(), str(getattr(registry_settings, name)))
    for number, colour in enumerate((RED, GREEN)):
        keep(engine, storage, number, encode(picture(colour), "WEBP", lossless=True))
    page = tmp_path / "page.html"
    assert main(["replay", TASK, versions[1], "--to", str(page)]) == 1
    said = capsys.readouterr().out
    assert "Of 2 kept photos it answers 50 % otherwise" in said
    assert f"version {versions[1]}: " in said
    assert page.read_text().startswith("<!doctype html>")
    assert main(["page", TASK, versions[1]]) == 1
    assert "never was beside a champion" in capsys.readouterr().err
