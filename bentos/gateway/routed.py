"""Versions beside the champion answer their listings, whoever runs the champion."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from bentos.gateway.pools import Pool
from bentos.gateway.predictors import Outcome, PhotoPredictor, PhotoTask
from bentos.gateway.schema import ModelStatus
from serving.image import PhotoFile
from serving.models.asker import NOBODY, Asker
from serving.models.fallback import Said
from serving.models.predictor import Predictor
from serving.models.router import Question, Router


class RoutedPredictor:
    """Asks the champions, then whoever stands beside them for the listings that are theirs.

    Parameters
    ----------
    champions : in this process, or in services
    pool : of threads in which a photo is prepared for a version that takes it otherwise
    router : None: the champions answer alone
    """

    def __init__(self, champions: PhotoPredictor, pool: Pool, router: Router | None = None) -> None:
        self._champions, self.router, self._pool = champions, router, pool
        self.serving = champions.serving

    async def predict(
        self, tasks: Sequence[PhotoTask], photo: PhotoFile, asker: Asker = NOBODY
    ) -> list[Outcome]:
        """Return what each task's model says, decoding the photo once; one may fail alone."""
        outcomes = await self._champions.predict(tasks, photo)
        router = self.router
        if router is None:
            return outcomes
        questions = [
            router.question(task, photo, asker, champion, router.routes.of(task.name))
            for task, champion in zip(tasks, outcomes, strict=True)
        ]
        if not any(question.asks for question in questions):
            return [router.answer(question, None) for question in questions]
        return list(await asyncio.gather(*(self._answer(router, q) for q in questions)))

    async def _answer(self, router: Router, question: Question) -> Outcome:
        said: Said | None = None
        if question.asks:
            # known answers are looked up, and what the champion was not given is decoded; a photo
            # is for one thread, and another task may do the same
            own = replace(question, source=question.source.apart())
            asked = await self._pool.run(router.ask, own)
            said = await asyncio.wrap_future(asked) if isinstance(asked, Future) else asked
        return router.answer(question, said)

    def from_thread(self, loop: asyncio.AbstractEventLoop) -> Predictor:
        """Return the champions for another thread, which may wait; `loop` is the gateway's."""
        return self._champions.from_thread(loop)

    async def status(self) -> list[ModelStatus]:
        """Return the champions that answer now."""
        return await self._champions.status()

    async def measures(self) -> bytes:
        """Return what is measured of the champions, as Prometheus reads it."""
        return await self._champions.measures()
