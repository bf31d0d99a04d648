"""A YOLO of ultralytics is trained on the same photos, and served without ultralytics."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from serving.card import ModelCard
from serving.licences import LicencePolicy
from serving.models.session import OnnxSession
from serving.perception.detect import DETECTOR, Detection
from serving.task import example_inputs
from tests.colour_studio import write_photos
from training.detector.agreement import Taught
from training.detector.outside import YOLO
from training.detector.yolo import LICENCE, train_yolo, write_yolo

SOFA = Detection("sofa", 0.8, (20.0, 30.0, 90.0, 100.0))


class Said:
    """Teachers who find a sofa in every photo, and are at odds over every fifth."""

    def ask(self, row: dict[str, object]) -> Taught:
        doubts = (Detection("bed", 0.9, SOFA.box),) if int(str(row["sha256"])) % 5 == 0 else ()
        return Taught(size=(130, 140), agreed=(SOFA,), unsure=doubts)


@pytest.fixture
def rows(tmp_path: Path) -> pd.DataFrame:
    photos = sorted(write_photos(tmp_path / "data").rglob("*.jpg"))[:20]
    splits = ["train"] * 12 + ["validation"] * 4 + ["test"] * 4
    table = {"uri": [p.absolute().as_uri() for p in photos], "split": splits}
    return pd.DataFrame(table | {"sha256": [str(n) for n in range(20)]})


def test_photos_of_which_teachers_are_at_odds_and_the_test_set_are_left_out(
    rows: pd.DataFrame, tmp_path: Path
) -> None:
    counts = write_yolo(rows, Said(), tmp_path / "yolo")  # type: ignore[arg-type] # asks alike
    assert counts == {"train": 9, "validation": 3}
    named = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    for split in ("train", "val"):
        images = {file.stem for file in (tmp_path / "yolo" / named[split]).iterdir()}
        labels = {file.stem for file in (tmp_path / f"yolo/labels/{split}").iterdir()}
        assert images == labels
    number, *numbers = (tmp_path / "yolo/labels/train/1.txt").read_text().split()
    assert named["names"][int(number)] == "sofa"
    assert [float(one) for one in numbers] == pytest.approx(
        [55 / 140, 65 / 130, 0.5, 70 / 130], abs=1e-5
    )


def test_production_refuses_its_weights_unless_they_are_allowed() -> None:
    assert LicencePolicy().refusal(LICENCE)
    assert LicencePolicy(allowed=("AGPL-3.0", "research")).refusal(LICENCE) is None


@pytest.mark.slow
def test_what_it_exports_keeps_the_contract(rows: pd.DataFrame, tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    write_yolo(rows, Said(), tmp_path / "yolo")  # type: ignore[arg-type] # asks alike
    train_yolo(tmp_path / "yolo", tmp_path / "yolo.onnx", epochs=1, device="cpu")
    card = ModelCard(
        task="detector", input=YOLO.taken, output=YOLO.given, licence=LICENCE, backbone="yolov8n",
        precision="fp32", data_version="1",
    )  # fmt: skip
    session = OnnxSession((tmp_path / "yolo.onnx").read_bytes())
    DETECTOR.check(session(example_inputs(card)), card)
