"""Models are loaded, swapped under way and reached over the wire without a wrong answer."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pydantic import ValidationError
from sqlalchemy import Engine

from serving.errors import BadInput, ModelFailed, ModelUnavailable, OutOfMemory
from serving.image import Image
from serving.models.local import LocalModels, load_baked
from serving.models.opening import open_models
from serving.models.remote import RemoteRooms
from serving.models.rooms import TASK, Classified, LocalRooms
from serving.models.session import Logits, OnnxSession, SparingSession
from serving.models.slots import Published, read_slots
from serving.models.wire import Pixels, RoomReply
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.fakes import (
    BLUE,
    COLOURS,
    GREEN,
    RED,
    SIDE,
    FixedModels,
    StubSession,
    bake,
    colour_card,
    colour_model,
    picture,
    publish,
)


def named(results: list[Classified | ModelFailed]) -> list[str]:
    return [r.answer.room_type if isinstance(r, Classified) else "broken" for r in results]


def wait(until: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        time.sleep(0.01)
    return until()


def test_a_session_answers_a_batch_as_it_answers_each() -> None:
    session = OnnxSession(colour_model())
    batch = np.stack([picture(c, SIDE, SIDE) for c in (RED, GREEN, BLUE)])
    each = np.concatenate([session(batch[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(session(batch), each, rtol=1e-6)


@pytest.mark.parametrize("model", [b"", b"not onnx", colour_model()[:50]])
def test_bytes_that_are_no_model_are_told_so(model: bytes) -> None:
    with pytest.raises(ModelFailed):
        OnnxSession(model)


def test_published_models_answer_and_are_swapped(engine: Engine, storage: Storage) -> None:
    publish(engine, storage)
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    rooms = LocalRooms(models)
    photos = [picture(c) for c in (RED, GREEN, BLUE)]
    assert named(rooms.classify(photos)) == ["red", "green", "blue"]

    swapped = colour_card(labels=tuple(reversed(COLOURS)))
    publish(engine, storage, "2", card=swapped)
    models.apply(read_slots(engine))
    assert named(rooms.classify(photos)) == ["blue", "green", "red"]
    assert models.get(TASK).version == "2"


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_answering(
    engine: Engine, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    publish(engine, storage)
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    for number, model in enumerate((b"not onnx", colour_model(side=8)), start=2):
        publish(engine, storage, str(number), model)
        models.apply(read_slots(engine))
        assert models.get(TASK).version == "1"
    assert "version 3 is not served" in caplog.text

    tampered = publish(engine, storage, "4", colour_model(gain=3.0))
    storage.write(f"models/{tampered.model_sha256}", b"something else")
    models.apply(read_slots(engine))
    assert models.get(TASK).version == "1"


def test_without_any_model_the_answer_is_unavailable(storage: Storage) -> None:
    with pytest.raises(ModelUnavailable, match=TASK):
        LocalModels(storage).get(TASK)


@pytest.mark.parametrize("notify", [True, False], ids=["notified", "polled"])
def test_serving_follows_the_slots(
    engine: Engine, storage: Storage, settings: Settings, tmp_path: Path, notify: bool
) -> None:
    poll_s = 60.0 if notify else 0.1
    settings = settings.model_copy(update={"slots_poll_s": poll_s})
    publish(engine, storage)
    opened = open_models(settings, storage, engine, tmp_path / "none", OnnxSession)
    try:
        assert opened.models.get(TASK).version == "1"
        publish(engine, storage, "2", notify=notify)
        assert wait(lambda: opened.models.get(TASK).version == "2")
    finally:
        # a follower that sleeps is woken by any notification
        assert opened.follower is not None
        opened.follower._poll_s = 0.1
        opened.follower._stop.set()
        publish(engine, storage, "3")
        opened.close()


def test_baked_models_answer_without_a_database(storage: Storage, tmp_path: Path) -> None:
    folder = bake(tmp_path / "models")
    assert load_baked(folder)[TASK].version == "7"
    settings = Settings(studio_home=tmp_path, slots="pinned")
    opened = open_models(settings, storage, None, folder, OnnxSession)
    assert named(LocalRooms(opened.models).classify([picture(GREEN)])) == ["green"]
    opened.close()


def test_a_poisoned_photo_fails_alone() -> None:
    session = StubSession(0, 0, poison=0)
    rooms = LocalRooms(FixedModels(session))
    photos = [picture(RED), np.zeros((SIDE, SIDE, 3), np.uint8), picture(BLUE)]
    assert named(rooms.classify(photos)) == ["red", "broken", "blue"]
    assert session.batches == [3, 1, 1, 1]


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=20).map(lambda s: (*s, 3))))
def test_pixels_survive_the_wire(image: np.ndarray) -> None:
    sent = Pixels.model_validate_json(Pixels.of(image).model_dump_json())
    np.testing.assert_array_equal(sent.image(), image)


@given(st.integers(-2, 5), st.integers(-2, 5), st.binary(max_size=60))
def test_pixels_that_do_not_fit_their_size_are_refused(h: int, w: int, data: bytes) -> None:
    if data and len(data) == h * w * 3 and h > 0:
        assert Pixels(height=h, width=w, data=data).image().shape == (h, w, 3)
        return
    with pytest.raises((BadInput, ValidationError)):
        Pixels(height=h, width=w, data=data).image()


@pytest.fixture
def service() -> Iterator[str]:
    """A model service as BentoML speaks: photos in, replies out."""
    rooms = LocalRooms(FixedModels(StubSession(0, 0, poison=0)))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            photos = Request.validate_json(body)["photos"]
            replies = [RoomReply.of(r) for r in rooms.classify([p.image() for p in photos])]
            answer = Replies.dump_json(replies)
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    from serving.models.remote import _Replies as Replies
    from serving.models.remote import _Request as Request

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_remote_model_answers_as_a_local_one(service: str) -> None:
    remote = RemoteRooms(service)
    photos = [picture(RED), np.zeros((SIDE, SIDE, 3), np.uint8), picture(BLUE)]
    local = LocalRooms(FixedModels(StubSession(0, 0, poison=0)))
    assert named(remote.classify(photos)) == named(local.classify(photos))
    assert remote.classify(photos)[0] == local.classify(photos)[0]
    remote.close()


def test_a_model_service_that_is_away_is_unavailable() -> None:
    with pytest.raises(ModelUnavailable):
        RemoteRooms("http://127.0.0.1:1", waits_s=(0.01,)).classify([picture(RED)])


def test_publishing_twice_is_one_row(engine: Engine, storage: Storage) -> None:
    first = publish(engine, storage)
    again = publish(engine, storage)
    assert read_slots(engine) == {(TASK, "champion"): first}
    assert first == again == Published(TASK, "champion", "1", first.model_sha256, first.card_sha256)


class SmallGpu:
    """A GPU with room for so many photos."""

    def __init__(self, room: int) -> None:
        self.room, self.batches = room, list[int]()

    def __call__(self, pixels: Image) -> Logits:
        self.batches.append(len(pixels))
        if len(pixels) > self.room:
            raise OutOfMemory("Failed to allocate memory for requested buffer")
        return StubSession(0, 0)(pixels)


@pytest.mark.parametrize(("room", "on_cpu"), [(3, 0), (1, 0), (0, 11)])
def test_a_full_gpu_takes_smaller_batches_and_at_last_the_cpu_does(room: int, on_cpu: int) -> None:
    pixels = np.arange(11 * SIDE * SIDE * 3).reshape(11, SIDE, SIDE, 3).astype(np.uint8)
    gpu, cpu = SmallGpu(room), StubSession(0, 0)
    logits = SparingSession(gpu, lambda: cpu)(pixels)
    np.testing.assert_array_equal(logits, StubSession(0, 0)(pixels))
    assert max(gpu.batches) == 11
    assert sum(cpu.batches) == on_cpu


def test_a_model_that_breaks_on_a_gpu_is_not_asked_again() -> None:
    def broken(pixels: Image) -> Logits:
        del pixels
        raise ModelFailed("no")

    with pytest.raises(ModelFailed):
        SparingSession(broken, pytest.fail)(np.zeros((4, SIDE, SIDE, 3), np.uint8))
