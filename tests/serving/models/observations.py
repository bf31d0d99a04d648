"""Observations for tests: answers of the colour model, as a gateway would hand them over."""

from uuid import UUID

from serving.card import ModelCard
from serving.models.observe import About, Beside, Observed, Said
from serving.models.predictor import Prediction
from serving.models.routing import CHALLENGER, CHAMPION
from serving.photos.classify import ROOM_CLASSIFIER, RoomAnswer
from tests.fakes import colour_card

CARD = colour_card()
BESIDE = Beside(CHALLENGER, "2", 0.05)


def room_answer(best: str = "red", confidence: float = 0.9) -> RoomAnswer:
    """Return an answer; the other colours share what is left."""
    others = [name for name in ("red", "green", "blue") if name != best]
    scores = {best: confidence} | {name: (1 - confidence) / 2 for name in others}
    return RoomAnswer(best, confidence, confidence > 0.8, scores, "interior")


def said(
    answer: object | None = None, slot: str = CHAMPION, seconds: float | None = 0.01,
    cached: bool = False, card: ModelCard = CARD,
) -> Said:  # fmt: skip
    """Return what a version said; the champion is version 1, the challenger 2."""
    version = "1" if slot == CHAMPION else "2"
    answer = room_answer() if answer is None else answer
    prediction = Prediction(answer, card.task, version, slot, f"{version}@x", False, cached)
    return Said(prediction, card, seconds)


def about(
    listing: str | None = "house-1", sha256: str = "a" * 64, client: str = "shop",
    job_id: UUID | None = None,
) -> About:  # fmt: skip
    """Return a question about a photo."""
    key = listing or f"sha256:{sha256}"
    return About(ROOM_CLASSIFIER, sha256, key, listing, client, job_id, "a.jpg")


def observed(listing: str | None = "house-1", number: int = 0, **changes: object) -> Observed:
    """Return the champion's answer about a listing's photo, with a challenger beside it."""
    given = {"about": about(listing, f"{number:064x}"), "said": said(), "beside": BESIDE}
    return Observed(**(given | changes))  # type: ignore[arg-type]
