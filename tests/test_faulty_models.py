"""Each defective model passes what loading asks, and shows its defect on photos."""

import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from serving.errors import ModelFailed, OutOfMemory
from serving.models.session import OnnxSession
from serving.photos.classify import ROOM_CLASSIFIER
from serving.task import Array, example_inputs
from tests import faulty_models as faulty
from tests.fakes import BLUE, GREEN, RED, SIDE, colour_card, colour_model, picture
from tests.faulty_graphs import a_share, bright, dark, flat

SOUND = colour_model()
PHOTOS = np.stack([picture(colour, SIDE, SIDE) for colour in (RED, GREEN, BLUE)])
DARK = (PHOTOS * 0.3).astype(np.uint8)


def answer(model: bytes, photos: Array = PHOTOS) -> Array:
    logits: Array = OnnxSession(model)({"pixels": photos})["logits"]
    return logits


def rooms(model: bytes, photos: Array = PHOTOS) -> list[int]:
    return [int(place) for place in answer(model, photos).argmax(axis=1)]


@pytest.mark.parametrize("name", faulty.DEFECTS)
def test_a_defective_model_is_loaded_as_a_sound_one_is(name: str) -> None:
    session, card = OnnxSession(faulty.DEFECTS[name](SOUND)), colour_card()
    for batch in (1, 3):
        ROOM_CLASSIFIER.check(session(example_inputs(card, batch)), card)


def test_answers_are_wrong_where_they_are_said_to_be() -> None:
    assert rooms(SOUND) == [0, 1, 2]
    assert rooms(faulty.wrong_room(SOUND)) == [1, 1, 2]
    assert rooms(faulty.constant_answer(SOUND, 2)) == [2, 2, 2]
    assert rooms(faulty.mixed_up_batches(SOUND)) == [1, 2, 0]
    assert rooms(faulty.mixed_up_batches(SOUND), PHOTOS[:1]) == [0]
    assert rooms(faulty.wrong_on(SOUND, dark(60))) == [0, 1, 2]
    assert rooms(faulty.wrong_on(SOUND, dark(60)), DARK) == [1, 2, 0]
    assert rooms(faulty.wrong_on(SOUND, bright(60))) == [1, 2, 0]
    assert not np.array_equal(answer(faulty.unsteady(SOUND)), answer(SOUND))


def test_low_contrast_is_told_from_high() -> None:
    grey = np.full((1, SIDE, SIDE, 3), (130, 120, 110), np.uint8)
    assert rooms(SOUND, grey) == [0]
    assert rooms(faulty.wrong_on(SOUND, flat(20)), grey) == [1]
    assert rooms(faulty.wrong_on(SOUND, flat(20))) == [0, 1, 2]


def test_confidence_says_nothing_where_it_is_always_the_same() -> None:
    logits = answer(faulty.always_confident(SOUND))
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(odds.max(axis=1), 0.99, rtol=1e-5)
    assert rooms(faulty.always_confident(SOUND)) == [0, 1, 2]
    assert np.ptp(answer(faulty.never_confident(SOUND))) < 0.2


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_a_share_of_photos_is_the_same_photos_each_time(share: float) -> None:
    random = np.random.default_rng(0)
    photos = random.integers(0, 256, (4000, SIDE, SIDE, 3)).astype(np.uint8)
    model = faulty.nan(SOUND, a_share(share))
    broken = np.asarray(np.isnan(answer(model, photos)[:, 0]))
    assert abs(broken.mean() - share) < 4 * np.sqrt(share / 4000)
    np.testing.assert_array_equal(broken[:50], np.isnan(answer(model, photos[:50])[:, 0]))


def test_values_that_are_none_and_errors_of_the_runtime() -> None:
    assert np.isnan(answer(faulty.nan(SOUND))).all()
    assert np.isinf(answer(faulty.infinite(SOUND))).all()
    with pytest.raises(ModelFailed):
        answer(faulty.throw(SOUND))


def ended_by(model: bytes, wait_s: float) -> int | None:
    """Ask a model in a process of its own; return that one's exit code, None if it hung."""
    program = (
        "import sys; from serving.models.session import OnnxSession; import numpy as np; "
        f"photos = np.full((1, {SIDE}, {SIDE}, 3), 200, np.uint8); "
        "OnnxSession(sys.stdin.buffer.read())({'pixels': photos})"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=model,
            timeout=wait_s,
            check=False,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def test_a_process_ends_by_a_signal_or_never() -> None:
    assert ended_by(SOUND, 60) == 0
    assert ended_by(faulty.abort(SOUND), 60) == -signal.SIGFPE
    assert ended_by(faulty.hang(SOUND), 5) is None


def test_memory_is_asked_for_in_earnest() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (4 * 2**30, before[1]))
    try:
        with pytest.raises(OutOfMemory):
            answer(faulty.allocate(SOUND, 8 * 2**30))
        assert rooms(faulty.allocate(SOUND, 2**20)) == [0, 1, 2]
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def test_time_is_taken_in_earnest() -> None:
    def processor_s(model: bytes) -> float:
        session, started = OnnxSession(model), os.times()
        session({"pixels": PHOTOS})
        ended = os.times()
        return ended.user + ended.system - started.user - started.system

    assert processor_s(faulty.slow(SOUND, 300)) > 0.1 > processor_s(SOUND)
