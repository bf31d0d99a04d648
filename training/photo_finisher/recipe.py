"""The recipe of the photo finisher."""

from serving.photos.enhance.finish import FINISHER, FinishAnswer
from training.photo_finisher.config import SMOKE, SPACE, FinisherConfig
from training.recipe import Evaluation, Headline, Recipe, Training, TrainingPlan


def _training() -> Training[FinisherConfig]:
    from training.photo_finisher.training import FinisherTraining

    return FinisherTraining()


def _evaluation() -> Evaluation:
    from training.photo_finisher.evaluation import FinisherEvaluation

    return FinisherEvaluation()


FINISHING: Recipe[FinishAnswer] = Recipe(
    task=FINISHER,
    dataset="photo_quality",
    headline=Headline("psnr"),
    evaluation=_evaluation,
    made_by=TrainingPlan(FinisherConfig(), SMOKE, SPACE, _training, quantised=False),
)
