"""A page in MLflow shows no picture for longer than it is kept."""

from base64 import b64encode
from pathlib import Path
from urllib.parse import urlparse

import mlflow
import pytest
from mlflow import MlflowClient
from sqlalchemy import Engine, func, insert, select, update

from registry.admission import Admission
from registry.client import FAILED
from registry.promote import promote
from registry.publish import Publisher
from registry.ramp.page import PAGE_FILE, log_page
from registry.ramp.replay import replay
from registry.ramp.replay_page import PAGE_FILE as REPLAY_FILE
from registry.ramp.replay_page import log_replay
from registry.ramp.shown import Place, put_page, take_out
from serving.db.canary_tables import KeptPhoto, PagePicture
from serving.settings import Settings
from serving.storage.interface import Storage
from serving.storage.kept_photos import KeptPhotos
from tests.fakes import BLUE, COLOURS, GREEN, RED, TASK, encode, picture
from tests.registry.conftest import Register
from tests.registry.ramp.seen import WRONG, add_pair, add_ramp, answer

pytestmark = pytest.mark.slow

PICTURES = {
    key: encode(picture(colour), "WEBP")
    for key, colour in zip("abc", (RED, GREEN, BLUE), strict=True)
}


def run_of(client: MlflowClient) -> str:
    return str(client.get_model_version(TASK, WRONG).run_id)


def shown_in(client: MlflowClient, file: str) -> set[str]:
    """Return whose pictures lie anywhere beside the run, whatever their files are called."""
    address = client.get_run(run_of(client)).info.artifact_uri
    folder = Path(urlparse(address).path)
    assert (folder / file).is_file()
    files = [one.read_bytes() for one in folder.rglob("*") if one.is_file()]
    return {k for k, data in PICTURES.items() if any(b64encode(data) in one for one in files)}


def remembered(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(PagePicture)) or 0


@pytest.fixture
def publisher(
    client: MlflowClient, engine: Engine, storage: Storage, register_version: Register
) -> Publisher:
    """A publisher of two versions, of which each calls two colours otherwise; all is kept."""
    labels = "red", "green", "blue"
    add_ramp(engine, [], "it calls red blue")
    for key, data in PICTURES.items():
        add_pair(engine, storage, key, data, (answer("red", labels), answer("blue", labels)))
    promote(client, TASK, register_version())
    red, green, blue = COLOURS
    assert register_version(labels=(blue, red, green)) == WRONG
    admission = Admission.of(Settings(environment="development"))
    return Publisher(client, engine, storage, admission)


def test_a_page_loses_the_pictures_of_a_listing_that_is_erased(
    client: MlflowClient, engine: Engine, storage: Storage, publisher: Publisher
) -> None:
    log_page(client, engine, storage, TASK, WRONG)
    assert shown_in(client, PAGE_FILE) == {"a", "b", "c"}
    publisher.publish()
    assert shown_in(client, PAGE_FILE) == {"a", "b", "c"}
    assert KeptPhotos(engine, storage).remove(KeptPhoto.listing_key == "a") == 1
    publisher.publish()
    assert shown_in(client, PAGE_FILE) == {"b", "c"}
    page = mlflow.artifacts.load_text(f"runs:/{run_of(client)}/{PAGE_FILE}")
    assert page.count("<figure") == page.count("</figure>") == 2
    assert page.rstrip().endswith("</html>")
    assert remembered(engine) == 2


def test_a_replays_page_loses_pictures_by_their_age(
    client: MlflowClient, engine: Engine, storage: Storage, publisher: Publisher
) -> None:
    log_replay(client, engine, replay(client, engine, storage, (TASK, WRONG)))
    assert shown_in(client, REPLAY_FILE) == {"a", "b", "c"}
    with engine.begin() as connection:
        old = func.now() - func.make_interval(0, 0, 0, 31)
        connection.execute(update(KeptPhoto).where(KeptPhoto.listing_key != "c").values(at=old))
    assert KeptPhotos(engine, storage).remove_old(30) == 2
    publisher.publish()
    assert shown_in(client, REPLAY_FILE) == {"c"}


def test_what_is_to_be_taken_out_stays_known_until_mlflow_is_back(
    client: MlflowClient,
    engine: Engine,
    storage: Storage,
    publisher: Publisher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_page(client, engine, storage, TASK, WRONG)
    KeptPhotos(engine, storage).remove(KeptPhoto.listing_key == "b")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(FAILED):
        take_out(MlflowClient("http://127.0.0.1:9"), engine)
    assert remembered(engine) == 3
    publisher.publish()
    assert shown_in(client, PAGE_FILE) == {"a", "c"}


@pytest.mark.usefixtures("publisher")
def test_pages_and_runs_that_are_gone_leave_nothing_to_do(
    client: MlflowClient, engine: Engine
) -> None:
    places = Place(run_of(client), "never-arrived.html"), Place("f" * 32, PAGE_FILE)
    with engine.begin() as connection:
        rows = [{"run_id": p.run_id, "file": p.file, "object_key": "kept/gone"} for p in places]
        connection.execute(insert(PagePicture), rows)
    assert set(take_out(client, engine)) == set(places)
    assert remembered(engine) == 0
    assert take_out(client, engine) == []


@pytest.mark.usefixtures("publisher")
def test_a_page_that_is_put_anew_is_known_by_what_it_shows_now(
    client: MlflowClient, engine: Engine
) -> None:
    place = Place(run_of(client), PAGE_FILE)
    for keys in (["kept/gone", "kept/too"], []):
        put_page(client, engine, place, "<html></html>", keys)
    assert remembered(engine) == 0
