"""The recipe of the depth model."""

from serving.perception.depth import DEPTH, DepthAnswer
from training.depth.config import SMOKE, SPACE, DepthConfig
from training.depth.dataset import open_depth
from training.recipe import Evaluation, Headline, Recipe, Training, TrainingPlan


def _training() -> Training[DepthConfig]:
    from training.depth.training import DepthTraining

    return DepthTraining()


def _evaluation() -> Evaluation:
    from training.depth.evaluation import DepthEvaluation

    return DepthEvaluation()


DEPTHS: Recipe[DepthAnswer] = Recipe(
    task=DEPTH,
    dataset="depth",
    headline=Headline("delta1", most_lost=0.01),
    evaluation=_evaluation,
    made_by=TrainingPlan(DepthConfig(), SMOKE, SPACE, _training),
    open=open_depth,
)
