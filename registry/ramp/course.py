"""The course of a ramp: its evidence look by look and its groups, folded from what was kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log10

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session as Database

from registry.evidence import ALL, Evidence, fold_all, judge, start
from registry.ramp.rules import RampRules
from registry.ramp.store import rules_of
from registry.records import COMPARED
from registry.verdict import Verdict
from serving.db.canary_tables import Ramp, RampDecision, RampInput
from serving.db.tables import Json
from serving.errors import BadInput

_LOOKS = 160


@dataclass(frozen=True)
class Look:
    """What the evidence said at a time; `log10` by metric, `harm` is of all together."""

    at: datetime
    listings: int
    harm: float
    log10: Mapping[str, float]


@dataclass(frozen=True)
class Group:
    """How the versions differ on the photos of one group.

    Attributes
    ----------
    photos, differ : compared, and of them answered otherwise
    distance : mean of the scores' distances, 0..1
    allowed : share of a listing's photos that may be answered otherwise
    log10 : of the evidence against it, of the worse of disagreement and distance
    """

    name: str
    photos: int
    differ: int
    distance: float
    allowed: float | None
    log10: float


@dataclass(frozen=True)
class Course:
    """A ramp from its first observation to its last."""

    ramp: Ramp
    rules: RampRules
    decisions: Sequence[RampDecision]
    looks: Sequence[Look]
    groups: Sequence[Group]
    evidence: Evidence
    verdict: Verdict


def read_course(engine: Engine, task: str, version: str) -> Course:
    """Fold the inputs of a version's ramp again; BadInput if it never had one."""
    with Database(engine, expire_on_commit=False) as database:
        ramp = database.get(Ramp, (task, version))
        if ramp is None:
            raise BadInput(f"{task} version {version} never was beside a champion")
        of_version = RampDecision.task == task, RampDecision.version == version
        decisions = database.scalars(
            select(RampDecision).where(*of_version).order_by(RampDecision.id)
        ).all()
    inputs = _read_inputs(engine, ramp)
    rules = rules_of(ramp)
    looks, evidence = _fold(inputs, start(rules, ramp.forecast), rules)
    verdict = judge(evidence, rules)
    groups = _sum_groups([record for _, record in inputs], evidence)
    return Course(ramp, rules, decisions, looks, groups, evidence, verdict)


_Inputs = Sequence[tuple[datetime, Json]]


def _read_inputs(engine: Engine, ramp: Ramp) -> _Inputs:
    kept = (
        select(RampInput.at, RampInput.record)
        .where(
            RampInput.task == ramp.task,
            RampInput.version == ramp.version,
            RampInput.id > ramp.from_id,
        )
        .order_by(RampInput.id)
    )
    with engine.connect() as connection:
        return [(row.at, row.record) for row in connection.execute(kept)]


def _fold(inputs: _Inputs, evidence: Evidence, rules: RampRules) -> tuple[list[Look], Evidence]:
    """Return the evidence at some looks, evenly spread over the inputs, and at the end."""
    looks = []
    size = max(1, -(-len(inputs) // _LOOKS))
    for first in range(0, len(inputs), size):
        chunk = inputs[first : first + size]
        evidence = fold_all(evidence, (record for _, record in chunk), rules)
        verdict = judge(evidence, rules)
        harm = log10(max(verdict.harm, 1e-6))
        looks.append(Look(chunk[-1][0], verdict.listings, harm, verdict.log10))
    return looks, evidence


def _sum_groups(records: Sequence[Json], evidence: Evidence) -> list[Group]:
    """Return the groups, the one with most against it first."""
    sums: dict[str, list[float]] = {}
    for record in records:
        if record["kind"] != "listing":
            continue
        for name, counts in record["groups"].items():
            found = sums.setdefault(name, [0.0, 0.0, 0.0])
            for place, what in enumerate(("n", "disagree", "distance")):
                found[place] += counts[what]
    groups = [_describe(name, found, evidence) for name, found in sums.items()]
    return sorted(groups, key=lambda group: (-group.log10, -group.differ, group.name))


def _describe(name: str, sums: Sequence[float], evidence: Evidence) -> Group:
    photos, differ, distance = sums
    streams = [evidence.streams.get(f"{metric}/{name}") for metric in COMPARED]
    against = [log10(stream.e_harm) for stream in streams if stream is not None]
    disagreement = streams[0]
    return Group(
        "all photos" if name == ALL else name,
        int(photos),
        int(differ),
        distance / photos if photos else 0.0,
        None if disagreement is None else disagreement.ceiling,
        max(against, default=0.0),
    )
