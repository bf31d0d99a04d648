import csv
import multiprocessing
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger

from tests.training.colours import SMALL, make_rows
from training.loop.fit import LAST, fit
from training.loop.loaders import class_weights, to_photos
from training.loop.predict import photo_input, read_pixels
from training.module import Trained, cosine
from training.recipe import Rows
from training.room_classifier.config import RoomConfig
from training.room_classifier.module import mix, soft_cross_entropy
from training.room_classifier.training import RoomTraining

TRAINING = RoomTraining()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return make_rows(tmp_path_factory.mktemp("photos"), 48, 15)


def wait_for(happened: Callable[[], bool], timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


def top1(trained: Trained, rows: Rows) -> float:
    photos = to_photos(rows.validation, rows.dataset.labels)
    spec = photo_input(trained.spec)
    pixels = np.stack([read_pixels(uri, spec) for uri in photos.uris])
    with torch.inference_mode():
        logits = trained.served(torch.from_numpy(pixels)).numpy()
    return float((logits.argmax(axis=1) == photos.labels).mean())


@pytest.mark.slow
def test_fit_learns_and_repeats_itself_from_the_same_seed(rows: Rows, tmp_path: Path) -> None:
    first, second = (fit(TRAINING, rows, SMALL, tmp_path / name) for name in "ab")
    assert top1(first, rows) > 0.9
    weights = zip(first.served.parameters(), second.served.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in weights)


@pytest.mark.slow
def test_warm_up_alone_already_beats_chance(rows: Rows, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"epochs": 0})
    assert top1(fit(TRAINING, rows, config, tmp_path), rows) > 0.6


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_from_its_last_epoch(rows: Rows, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"epochs": 30})
    process = multiprocessing.get_context("spawn").Process(
        target=fit, args=(TRAINING, rows, config, tmp_path / "run")
    )
    process.start()
    wait_for(lambda: (tmp_path / "run" / LAST).exists(), timeout_s=120)
    process.kill()
    process.join()
    done = torch.load(tmp_path / "run" / LAST, weights_only=False)["epoch"] + 1
    assert 0 < done < 30, "it was killed on the way"

    config = config.model_copy(update={"epochs": done + 1})
    logger = CSVLogger(tmp_path, name="curves")
    trained = fit(TRAINING, rows, config, tmp_path / "run", logger)
    with (Path(logger.log_dir) / "metrics.csv").open() as file:
        epochs = {int(row["epoch"]) for row in csv.DictReader(file) if row["epoch"]}
    assert epochs == {done}, "what was done is not done again"
    assert top1(trained, rows) > 0.9


@pytest.mark.slow
def test_batchnorm_that_is_not_folded_is_averaged_too(rows: Rows, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"fold_batchnorm": False, "epochs": 1})
    assert 0 <= top1(fit(TRAINING, rows, config, tmp_path), rows) <= 1


@pytest.mark.slow
def test_two_processes_train_one_network(rows: Rows, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"devices": 2})
    assert top1(fit(TRAINING, rows, config, tmp_path), rows) > 0.9


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_fit_learns_on_a_gpu_in_half_precision(rows: Rows, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"accelerator": "gpu"})
    assert top1(fit(TRAINING, rows, config, tmp_path), rows) > 0.9


def test_rare_classes_weigh_more_and_the_mean_photo_weighs_about_one() -> None:
    weights = class_weights([0] * 90 + [1] * 10, 2, balance=0.5)
    assert weights[1] / weights[0] == pytest.approx(3)
    assert class_weights([0, 0, 1], 2, balance=0).tolist() == [1, 1]


def test_the_loss_is_torchs_cross_entropy_when_nothing_is_soft() -> None:
    logits, labels = torch.randn(8, 4), torch.randint(4, (8,))
    targets = torch.nn.functional.one_hot(labels, 4).float()
    ours = soft_cross_entropy(logits, targets, torch.ones(4), smoothing=0.1)
    theirs = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    assert ours == pytest.approx(float(theirs), rel=1e-5)


def test_mix_blends_photos_and_targets_alike() -> None:
    planes, targets = torch.eye(4).view(4, 1, 2, 2), torch.eye(4)
    mixed, blended = mix(planes, targets, alpha=1.0)
    assert torch.allclose(mixed.view(4, 4), blended)
    assert torch.allclose(blended.sum(dim=1), torch.ones(4))


def test_the_learning_rate_rises_then_falls_and_never_stops() -> None:
    factors = [cosine(step, 400) for step in range(401)]
    assert 39 <= factors.index(max(factors)) <= 40
    assert all(later <= now for now, later in pairwise(factors[40:]))
    assert min(factors) > 0


def test_a_recipe_refuses_what_it_does_not_know_and_names_itself_by_its_content() -> None:
    with pytest.raises(ValueError, match="epoch_count"):
        RoomConfig.model_validate({"epoch_count": 3})
    assert RoomConfig().digest() == RoomConfig().digest()
    assert RoomConfig().digest() != RoomConfig(seed=1).digest()
