"""A film's depth comes from a model where no picture of it came, and where a template asks."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from serving.card import Map, ModelCard, PhotoInput
from serving.errors import BadImage
from serving.image import decode
from serving.models.local import Loaded, LocalModels
from serving.models.predictor import LocalPredictor
from serving.models.routing import CHAMPION
from serving.models.session import OnnxSession
from serving.requests.film import FilmInput
from serving.storage.interface import Storage
from serving.workflows.film_material import gather_photos
from serving.workflows.run import Run
from serving.workflows.runner import Runner
from tests.serving.workflows.film_requests import photo
from tests.serving.workflows.harness import JobHarness, nothing

SIDE = 32
REQUEST = {"formats": [{"aspect": "9:16", "profile": "720p"}], "order": "given"}


def ramp_model() -> Loaded:
    """A model that says 1 m at the left edge of any photo and 5 m at its right."""
    ramp = np.tile(np.linspace(1, 5, SIDE, dtype=np.float32), (1, SIDE, 1))
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["float"], ["most"], axes=[3], keepdims=0),
        helper.make_node("Mul", ["most", "nothing"], ["zeros"]),
        helper.make_node("Add", ["zeros", "ramp"], ["depth"]),
    ]
    graph = helper.make_graph(
        nodes,
        "ramp",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, ["n", SIDE, SIDE])],
        [
            numpy_helper.from_array(ramp, "ramp"),
            numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    onnx.checker.check_model(model)
    size = PhotoInput(height=SIDE, width=SIDE, mean=(0, 0, 0), std=(1, 1, 1))
    card = ModelCard(
        task="depth", input=size, output=Map(unit="m"), licence="own", backbone="ramp",
        precision="fp32", data_version="1",
    )  # fmt: skip
    return Loaded(card, "1", CHAMPION, session=OnnxSession(model.SerializeToString()))


def begin(harness: JobHarness, template: str, **changes: object) -> tuple[Run, FilmInput]:
    photos = [{"photo": "0.jpg", "room": "kitchen", "focus": [(0.5, 0.5)]} | changes]
    work = REQUEST | {"template": template, "photos": photos}
    job = Runner(harness.parts, {}, uuid4()).take(harness.submit(**work))
    assert job is not None
    run = Run(harness.parts, job, nothing, last=True)
    return run, run.input_as(FilmInput)


@pytest.fixture
def seeing(films: JobHarness, storage: Storage) -> JobHarness:
    predictor = LocalPredictor(LocalModels(storage, {"depth": ramp_model()}))
    return JobHarness(replace(films.parts, predictor=predictor), "render_video")


def test_what_the_model_says_is_near_is_bright_in_the_films_depth_picture(
    seeing: JobHarness, tmp_path: Path
) -> None:
    run, request = begin(seeing, "luxury")
    (found,) = gather_photos(run, request, tmp_path).photos
    assert found.depth is not None
    picture = decode((tmp_path / found.depth).read_bytes(), 10**7)[..., 0]
    assert picture[:, :2].mean() > 170
    assert picture[:, -2:].mean() < 30
    assert run.job.versions is not None
    assert run.job.versions["depth"]["version"] == "1"


def test_a_template_without_depth_asks_nobody(seeing: JobHarness, tmp_path: Path) -> None:
    run, request = begin(seeing, "calm")
    assert gather_photos(run, request, tmp_path).photos[0].depth is None
    assert "depth" not in (run.job.versions or {})


def test_a_depth_picture_that_came_counts(
    seeing: JobHarness, storage: Storage, tmp_path: Path
) -> None:
    storage.write("depth.jpg", photo(3))
    run, request = begin(seeing, "luxury", depth="depth.jpg")
    (found,) = gather_photos(run, request, tmp_path).photos
    assert (tmp_path / str(found.depth)).read_bytes() == photo(3)
    assert "depth" not in (run.job.versions or {})


def test_without_a_model_a_film_has_no_depth(films: JobHarness, tmp_path: Path) -> None:
    run, request = begin(films, "luxury")
    assert gather_photos(run, request, tmp_path).photos[0].depth is None


def test_a_depth_picture_that_cannot_be_read_is_named_and_not_its_photo(
    films: JobHarness, storage: Storage, tmp_path: Path
) -> None:
    storage.write("depth.txt", b"hello")
    run, work = begin(films, "calm", depth="depth.txt")
    with pytest.raises(BadImage, match=r"its depth 'depth\.txt': not a readable"):
        gather_photos(run, work.model_copy(update={"bad_photos": "refuse"}), tmp_path)
