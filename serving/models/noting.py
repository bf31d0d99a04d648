"""From what was asked and said to what is observed of it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from serving.card import PhotoInput
from serving.errors import StudioError
from serving.models.asker import Asker
from serving.models.fallback import Fallback
from serving.models.local import ModelVersion
from serving.models.observe import Observer
from serving.models.observed import About, Bad, BadKind, Beside, Observed, Picture, Said
from serving.models.predictor import Prediction
from serving.tasks import AnyTask


@dataclass(frozen=True)
class Noted:
    """Who asked what, what the champion said, and which version stands beside it.

    Attributes
    ----------
    champion : None: it failed
    champion_version : also of one that failed
    beside : the version at issue; None: the champion stands alone
    share : of all listings, 0..1, that it is to answer
    """

    task: AnyTask
    content_sha256: str
    key: str
    asker: Asker
    champion: Prediction[Any] | None
    champion_version: str
    beside: ModelVersion | None
    share: float


class Notes:
    """Tells the observer of every answer once.

    Parameters
    ----------
    observer : None: nothing is kept
    """

    def __init__(self, observer: Observer | None) -> None:
        self._observer = observer

    def served_by_champion(self, noted: Noted, pair_id: UUID | None, fell_back: bool) -> None:
        """Note that the champion's answer was given.

        Parameters
        ----------
        pair_id : another version is asked as well, later; None: it is not
        fell_back : it was the other version's turn
        """
        said = _said(noted.champion)
        if self._observer is None or said is None:
            return
        self._observer.observe(
            Observed(
                _about(noted),
                said,
                beside=_beside(noted),
                pair_id=pair_id,
                fell_back=fell_back,
                picture=_picture(noted.champion),
            )
        )

    def served_by_other(self, noted: Noted, said: Prediction[Any]) -> None:
        """Note that another version's answer was given, and what the champion had said."""
        champion = _said(noted.champion)
        pair_id = None if champion is None else uuid4()
        self._note_other(noted, said, pair_id, served=True)
        if self._observer is not None and champion is not None:
            beside = _beside(noted)
            paired = Observed(_about(noted), champion, "paired", beside, pair_id)
            self._observer.observe(paired)

    def paired(self, noted: Noted, said: Prediction[Any], pair_id: UUID) -> None:
        """Note what another version says beside the champion's answer, which was given."""
        self._note_other(noted, said, pair_id, served=False)

    def fell_back(self, noted: Noted, fallback: Fallback) -> None:
        """Note that another version did not answer a caller."""
        self._note_bad(noted, "fallback", fallback.reason)

    def failed(self, noted: Noted, fallback: Fallback) -> None:
        """Note that another version did not answer when it was asked beside the champion."""
        self._note_bad(noted, "error", fallback.reason)

    def champion_failed(self, noted: Noted, error: StudioError, paired: bool) -> None:
        """Note that the champion did not answer.

        Parameters
        ----------
        paired : another version was asked about the same, or will be
        """
        reason = type(error).__name__
        self._note_bad(noted, "error", reason, by_champion=True, paired=paired)

    def close(self) -> None:
        """Write what is noted."""
        if self._observer is not None:
            self._observer.close()

    def _note_other(
        self, noted: Noted, said: Prediction[Any], pair_id: UUID | None, served: bool
    ) -> None:
        answer = _said(said)
        if self._observer is None or answer is None:
            return
        self._observer.observe(
            Observed(
                _about(noted),
                answer,
                "served" if served else "paired",
                _beside(noted),
                pair_id,
                other=_said(noted.champion),
                picture=_picture(said) or _picture(noted.champion),
            )
        )

    def _note_bad(
        self,
        noted: Noted,
        kind: BadKind,
        reason: str,
        by_champion: bool = False,
        paired: bool = True,
    ) -> None:
        beside = _beside(noted)
        if self._observer is None or beside is None:
            return
        about, version = _about(noted), noted.champion_version
        self._observer.observe_bad(Bad(about, beside, kind, by_champion, version, paired, reason))


def _about(noted: Noted) -> About:
    asker = noted.asker
    return About(
        noted.task,
        noted.content_sha256,
        noted.key,
        asker.listing_id,
        asker.client,
        asker.job_id,
        asker.photo,
    )


def _beside(noted: Noted) -> Beside | None:
    version = noted.beside
    return None if version is None else Beside(version.slot, version.version, noted.share)


def _said(prediction: Prediction[Any] | None) -> Said | None:
    if prediction is None or prediction.card is None:
        return None
    embedding = np.frombuffer(prediction.embedding, np.float16) if prediction.embedding else None
    return Said(prediction, prediction.card, prediction.seconds, embedding)


def _picture(prediction: Prediction[Any] | None) -> Picture | None:
    """Return the photo as the model saw it; None of what is no photo, or was not looked at now."""
    if prediction is None or prediction.prepared is None or prediction.card is None:
        return None
    if not isinstance(prediction.card.input, PhotoInput):
        return None
    return Picture(prediction.prepared.inputs["pixels"], prediction.prepared.size)
