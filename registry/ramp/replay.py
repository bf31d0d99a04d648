"""Kept photos of the last days through a version's files, before it sees any traffic.

`python -m registry.ramp replay TASK VERSION` asks the champion and the version about the same small
pictures and makes a page of how they differ.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mlflow import MlflowClient
from sqlalchemy import Engine, func, select

from registry.evidence import ALL
from registry.forecast import read_forecast
from registry.ramp.course import Group
from registry.ramp.differences import Difference
from registry.ramp.rules import RampRules, read_rules
from registry.ramp.sentences import percent
from registry.versions import CHAMPION, find_alias, read_files
from serving.db.canary_tables import Feedback, KeptPhoto
from serving.errors import BadInput, ObjectNotFound, StudioError
from serving.image import PhotoFile
from serving.models.comparison import Comparison, compare, label_of
from serving.models.local import Loaded, load_baked
from serving.models.predictor import answer_prepared, prepare
from serving.storage.interface import Storage
from serving.tasks import TASKS, AnyTask, asks_photos

_MAX_PIXELS = 50_000_000
_SHOWN, _OF_A_LISTING = 24, 2


@dataclass(frozen=True)
class Kept:
    """A small picture that is kept, and what a person said that it shows, if one has spoken."""

    content_sha256: str
    listing_key: str
    object_key: str
    correct: str | None


@dataclass(frozen=True)
class Speed:
    """Seconds of a model for one picture, one at a time."""

    median_s: float
    p95_s: float


@dataclass(frozen=True)
class Replay:
    """What a version says of kept photos beside its champion.

    Attributes
    ----------
    failed : pictures about which the version broke while the champion answered
    right : of the photos a person has labelled: how many each gets right, by version
    """

    task: str
    version: str
    champion: str
    days: float
    photos: int
    failed: int
    groups: Sequence[Group]
    speed: Mapping[str, Speed]
    labelled: int
    right: Mapping[str, int]
    differences: Sequence[Difference]

    @property
    def whole(self) -> Group:
        """Return the sums over all photos."""
        (found,) = (group for group in self.groups if group.name == _WHOLE)
        return found

    @property
    def verdict(self) -> str:
        """Say in one sentence how the version differs."""
        if not self.photos:
            return f"No picture is kept of the last {self.days:g} days: nothing can be said."
        whole = self.whole
        told = (
            f"Of {self.photos:,} kept photos it answers {percent(whole.differ / self.photos)} "
            f"otherwise than version {self.champion}, {percent(whole.allowed or 0.0)} may be"
        )
        beyond = [group for group in self.groups if _is_beyond(group) and group is not whole]
        told += f"; beyond what is allowed: {', '.join(g.name for g in beyond)}" if beyond else ""
        return told + (f"; it broke on {self.failed:,}." if self.failed else ".")

    @property
    def is_fine(self) -> bool:
        """Whether nothing lies beyond what is allowed."""
        return not self.failed and not any(map(_is_beyond, self.groups))


_WHOLE = "all photos"


def _is_beyond(group: Group) -> bool:
    return group.photos > 0 and group.differ / group.photos > (group.allowed or 1.0)


def replay(
    client: MlflowClient,
    engine: Engine,
    storage: Storage,
    version: tuple[str, str],
    days: float = 7.0,
    most: int = 1000,
) -> Replay:
    """Ask a version and the champion about kept photos.

    Parameters
    ----------
    version : the task and the version's number
    most : of the newest pictures

    Raises
    ------
    BadInput
        The task has no champion or is not about photos, or the version is the champion.
    """
    name, number = version
    champion = find_alias(client, name, CHAMPION)
    if champion is None or champion == number:
        raise BadInput(f"version {number} of {name} has no other champion to be compared with")
    before, new = (_load(client, name, one) for one in (champion, number))
    if not asks_photos(TASKS[name]):
        raise BadInput(f"{name} is not asked about photos, and nothing else is kept")
    forecast = read_forecast(client.get_model_version(name, number), before.model_sha256)
    sums = _Sums(TASKS[name], before, new)
    for kept in read_kept(engine, name, days, most):
        try:
            sums.add(kept, storage.read(kept.object_key))
        except ObjectNotFound:  # pictures go by their age
            continue
    return sums.result(days, read_rules(name), forecast)


def read_kept(engine: Engine, task: str, days: float, most: int) -> list[Kept]:
    """Return the newest pictures that are kept, one of each photo."""
    said = (
        select(Feedback.correct)
        .where(Feedback.task == task, Feedback.content_sha256 == KeptPhoto.content_sha256)
        .order_by(Feedback.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    since = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, days * 86_400)
    found = (
        select(
            KeptPhoto.content_sha256,
            KeptPhoto.listing_key,
            KeptPhoto.object_key,
            said.label("correct"),
        )
        .where(KeptPhoto.at >= since)
        .order_by(KeptPhoto.at.desc())
        .limit(most)
    )
    with engine.connect() as connection:
        rows = connection.execute(found).all()
    return list({row.content_sha256: Kept(**row._mapping) for row in rows}.values())


def _load(client: MlflowClient, task: str, number: str) -> Loaded:
    files = read_files(client.get_model_version(task, number))
    with tempfile.TemporaryDirectory() as name:
        into = Path(name) / task
        into.mkdir()
        (into / "model.onnx").write_bytes(files.model)
        (into / "card.json").write_bytes(files.card)
        (into / "VERSION").write_text(number)
        return load_baked(Path(name), tasks={task: TASKS[task]})[task]


@dataclass
class _Sums:
    """What has been found so far."""

    task: AnyTask
    champion: Loaded
    version: Loaded
    groups: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    right: dict[str, int] = field(default_factory=dict)
    differences: list[tuple[str, Difference]] = field(default_factory=list)
    labelled: int = 0
    failed: int = 0
    turn: int = 0

    def add(self, kept: Kept, picture: bytes) -> None:
        """Ask both about a picture; one that the champion cannot answer is left out."""
        photo = PhotoFile(picture, _MAX_PIXELS)
        models = [self.champion, self.version]
        # whoever is asked first warms the caches of the processor for the other
        self.turn += 1
        asked = models if self.turn % 2 else models[::-1]
        answers = {model.version: self._ask(model, photo) for model in asked}
        theirs, ours = (answers[model.version] for model in models)
        if isinstance(theirs, StudioError):
            return
        if isinstance(ours, StudioError):
            self.failed += 1
            return
        found = compare(self.task, self.champion.card, theirs, ours)
        self._count(found)
        if kept.correct:
            self.labelled += 1
            for model, answer in zip(models, (theirs, ours), strict=True):
                hit = label_of(model.card, answer) == kept.correct
                self.right[model.version] = self.right.get(model.version, 0) + hit
        if not found.agrees:
            before, now = (self.task.answer.dump_python(a, mode="json") for a in (theirs, ours))
            told = found.group, before, now, kept.correct, found.distance
            shown = Difference(picture, kept.object_key, *told)
            self.differences.append((kept.listing_key, shown))

    def _ask(self, model: Loaded, photo: PhotoFile) -> Any:  # noqa: ANN401 - the task's answer
        prepared = prepare(self.task, photo, model)
        started = time.perf_counter()
        (answer,) = answer_prepared(self.task, model, [prepared])
        self.seconds.setdefault(model.version, []).append(time.perf_counter() - started)
        return answer

    def _count(self, found: Comparison) -> None:
        for name in dict.fromkeys((_WHOLE, _WHOLE if found.group == ALL else found.group)):
            sums = self.groups.setdefault(name, [0, 0, 0.0])
            sums[0] += 1
            sums[1] += not found.agrees
            sums[2] += found.distance

    def result(self, days: float, rules: RampRules, forecast: Mapping[str, Any] | None) -> Replay:
        """Return what was found, the group with the largest share of differences first."""
        known: Mapping[str, Any] = (forecast or {}).get("groups", {})

        def describe(name: str, sums: Sequence[float]) -> Group:
            high = known.get(ALL if name == _WHOLE else name, {}).get("disagree_high")
            allowed = rules.disagreement.ceiling(high, group=name != _WHOLE)
            return Group(name, int(sums[0]), int(sums[1]), sums[2] / sums[0], allowed, 0.0)

        groups = [describe(name, sums) for name, sums in self.groups.items()]
        return Replay(
            self.task.name,
            self.version.version,
            self.champion.version,
            days,
            int(self.groups[_WHOLE][0]) if self.groups else 0,
            self.failed,
            sorted(groups, key=lambda group: -group.differ / group.photos),
            {version: _speed(seconds) for version, seconds in self.seconds.items()},
            self.labelled,
            self.right,
            list(_spread(self.differences)),
        )


def _speed(seconds: Sequence[float]) -> Speed:
    median, p95 = np.percentile(seconds, (50, 95))
    return Speed(float(median), float(p95))


def _spread(differences: Sequence[tuple[str, Difference]]) -> Iterator[Difference]:
    """Yield those that lie furthest apart, few of a listing."""
    of_listing: dict[str, int] = {}
    shown = 0
    for key, one in sorted(differences, key=lambda pair: -pair[1].distance):
        of_listing[key] = of_listing.get(key, 0) + 1
        if of_listing[key] <= _OF_A_LISTING and shown < _SHOWN:
            shown += 1
            yield one
