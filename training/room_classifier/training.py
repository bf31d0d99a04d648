"""How the room classifier is trained: what the loop asks of it."""

from serving.task import Inputs
from training.loop.backbone import build_backbone, fold_batchnorm, freeze_early, input_spec
from training.loop.loaders import Loaders, class_weights, load, to_photos
from training.loop.predict import sample_pixels
from training.module import Trained
from training.recipe import Rows
from training.room_classifier.augmentation import Augmentation
from training.room_classifier.config import RoomConfig
from training.room_classifier.module import RoomClassifier
from training.room_classifier.photos import RoomPhotos
from training.room_classifier.warmup import warm_up


class RoomTraining:
    """The steps of `training.recipe.Training`."""

    def make_module(self, rows: Rows, config: RoomConfig, fresh: bool) -> RoomClassifier:
        """Return a backbone with ImageNet weights; its head is fitted to its frozen features."""
        labels, train = rows.dataset.labels, to_photos(rows.train, rows.dataset.labels)
        net = build_backbone(config.backbone, len(labels), config.weights, config.dropout)
        spec = input_spec(net, config.side)
        if config.fold_batchnorm:
            fold_batchnorm(net)
        weights = class_weights(train.labels, len(labels), config.balance)
        module = RoomClassifier(net, spec, weights, config)
        if fresh:
            loader = load(RoomPhotos(train, config.side, Augmentation()), 64, config.workers)
            warm_up(module.served, loader, len(labels), config.warmup_penalty)
        freeze_early(net, config.frozen_stages)
        return module

    def make_data(self, rows: Rows, config: RoomConfig) -> Loaders:
        """Return the photos, those to learn from varied."""
        train, validation = (
            to_photos(part, rows.dataset.labels) for part in (rows.train, rows.validation)
        )
        return Loaders(
            RoomPhotos(train, config.train_side, Augmentation()),
            RoomPhotos(validation, config.side),
            config,
        )

    def sample_inputs(self, trained: Trained, rows: Rows, config: RoomConfig) -> Inputs:
        """Return some photos to learn from, as the model's input."""
        count = config.calibration_photos
        return {"pixels": sample_pixels(rows.train, trained.spec, count, config.seed)}
