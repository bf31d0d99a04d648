"""How the room classifier is judged beyond what every classifier is: interior or exterior."""

import numpy as np

from serving.card import Label
from training.loop.class_evaluation import ClassEvaluation
from training.loop.class_figures import Predictions
from training.loop.intervals import Figure, proportion


class RoomEvaluation(ClassEvaluation):
    """The steps of `training.recipe.Evaluation`."""

    def measure_more(
        self, predictions: Predictions, labels: tuple[Label, ...]
    ) -> dict[str, Figure]:
        """Return how often interior or exterior is told right, by the summed probabilities."""
        interior = np.array([label.scene == "interior" for label in labels])
        inside = predictions.probabilities[:, interior].sum(axis=1) >= 0.5
        return {"scene": proportion(inside == interior[predictions.labels])}
