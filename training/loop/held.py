"""A candidate as serving holds a version, for evaluations that ask it as serving does."""

from hashlib import sha256

from serving.models.local import Loaded
from serving.models.routing import CHAMPION
from serving.models.session import open_session
from serving.task import is_batched
from training.candidate import Candidate


def hold(candidate: Candidate) -> Loaded:
    """Open a candidate's model behind its card."""
    card = candidate.card
    return Loaded(
        card,
        "candidate",
        CHAMPION,
        candidate.sha256,
        sha256(card.model_dump_json().encode()).hexdigest(),
        session=open_session(candidate.model),
        batched=is_batched(card),
    )
