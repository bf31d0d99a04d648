"""The versions that a job works with from its first attempt to its last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving import metrics
from serving.models.asker import Asker
from serving.models.fallback import Reason
from serving.models.local import ModelVersion, Pin
from serving.models.predictor import Predictor
from serving.models.router import Outcome, Question, Router
from serving.models.routes import Routes, TaskRoute
from serving.models.routing import Arm, Route
from serving.task import Source
from serving.tasks import AnyTask

_ROUTE = "route"


@dataclass(frozen=True)
class PinnedModel:
    """A champion, and who stood beside it when the job began; None: nobody."""

    champion: ModelVersion
    route: TaskRoute | None = None

    @property
    def pin(self) -> dict[str, Any]:
        """Return it as a job keeps it."""
        kept: dict[str, Any] = dict(self.champion.pin)
        if self.route is not None:
            route = self.route.route
            kept[_ROUTE] = {
                "salt": route.salt,
                "shadow": route.shadow,
                "arms": [[arm.slot, arm.weight] for arm in route.arms],
                "versions": {slot: version.pin for slot, version in self.route.versions.items()},
            }
        return kept


def champion_pin(pin: Mapping[str, Any]) -> Pin:
    """Return what names the champion, without the route beside it."""
    return {name: value for name, value in pin.items() if name != _ROUTE}


def pinned_route(task: str, pin: Mapping[str, Any], routes: Routes) -> TaskRoute | None:
    """Return the route that a job keeps; a version whose card cannot be read is missing."""
    kept = pin.get(_ROUTE)
    if kept is None:
        return None
    found = {slot: routes.version(task, each) for slot, each in kept["versions"].items()}
    versions = {slot: version for slot, version in found.items() if version is not None}
    arms = tuple(Arm(slot, weight) for slot, weight in kept["arms"])
    route = Route(task, kept["salt"], arms, kept["shadow"])
    return TaskRoute(route, versions, pin["version"])


def still_holds(route: TaskRoute, routes: Routes) -> bool:
    """Say whether all versions that a job keeps beside the champion may be asked still."""
    return all(routes.runs(route.route.task, version) for version in route.versions.values())


def ask_routed(
    predictor: Predictor,
    router: Router | None,
    task: AnyTask,
    sources: Sequence[Source],
    model: PinnedModel,
    askers: Sequence[Asker],
) -> list[Outcome]:
    """Return what is said of each source by the version whose listing it is.

    The champion is asked about all in one batch. A version that was taken back after the job began
    is asked no more; one that was promoted since answers as the champion that it is.

    Parameters
    ----------
    router : None: the champion answers alone
    askers : one for each source

    Raises
    ------
    ModelUnavailable
        No champion answers.
    """
    champions = predictor.predict(task, sources, model.champion)
    if router is None:
        return list(champions)
    questions = (
        router.question(task, source, asker, champion, model.route)
        for source, asker, champion in zip(sources, askers, champions, strict=True)
    )
    return [_answer_routed(predictor, router, question) for question in questions]


def _answer_routed(predictor: Predictor, router: Router, question: Question) -> Outcome:
    task, source, champion, route = (
        question.task, question.source, question.champion, question.route,
    )  # fmt: skip
    if route is None or still_holds(route, router.routes):
        return router.answer_now(question)
    if question.version is not None:
        if router.routes.is_champion(task.name, question.version):
            champion = _ask_promoted(predictor, task, source, question.version) or champion
        else:
            metrics.SLOT_FALLBACKS.labels(task.name, Reason.STOPPED).inc()
    return router.answer(router.question(task, source, question.asker, champion, None), None)


def _ask_promoted(
    predictor: Predictor, task: AnyTask, source: Source, version: ModelVersion
) -> Outcome | None:
    """Return what the champion that is published now says, if it is that version."""
    now = predictor.find(task)
    if now.identity != version.identity:
        return None
    return predictor.predict(task, [source], now)[0]
