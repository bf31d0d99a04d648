"""The recipe of the room classifier."""

from serving.photos.classify import ROOM_CLASSIFIER, RoomAnswer
from training.recipe import Evaluation, Headline, Recipe, Training, TrainingPlan
from training.room_classifier.config import SMOKE, SPACE, RoomConfig


def _training() -> Training[RoomConfig]:
    from training.room_classifier.training import RoomTraining

    return RoomTraining()


def _evaluation() -> Evaluation:
    from training.room_classifier.evaluation import RoomEvaluation

    return RoomEvaluation(ROOM_CLASSIFIER.name, more_on_card=("test/scene",))


ROOMS: Recipe[RoomAnswer] = Recipe(
    task=ROOM_CLASSIFIER,
    dataset="rooms",
    headline=Headline("top1"),
    evaluation=_evaluation,
    made_by=TrainingPlan(RoomConfig(), SMOKE, SPACE, _training, embeds="logits"),
)
