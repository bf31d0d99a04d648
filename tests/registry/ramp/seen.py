"""A ramp as the guard leaves it: a version that calls one colour another, taken back for it."""

import hashlib
from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import Engine, func, insert

from registry.evidence import fold_all, start
from registry.ramp.rules import read_rules
from serving.db.canary_tables import (
    Feedback,
    KeptPhoto,
    Prediction,
    Ramp,
    RampDecision,
    RampInput,
)
from serving.db.tables import Json
from serving.storage.interface import Storage
from tests.fakes import TASK

CHAMPION, WRONG = "1", "2"


def answer(label: str, labels: Sequence[str], sure: float = 0.9) -> Json:
    rest = (1 - sure) / (len(labels) - 1)
    scores = dict.fromkeys(labels, rest) | {label: sure}
    return {"room_type": label, "confidence": sure, "confident": True, "scores": scores,
            "scene": "interior"}  # fmt: skip


def listing(groups: dict[str, tuple[int, int, float]], surer: float | None = None) -> Json:
    """Return a listing's record; `surer`: on average, on the photos of every group."""
    counts = {
        name: {"n": n, "disagree": disagree, "distance": distance}
        | ({} if surer is None else {"shift": n * surer})
        for name, (n, disagree, distance) in groups.items()
    }
    return {"kind": "listing", "slots": "pair", "challenger_bad": [], "champion_bad": [],
            "groups": counts}  # fmt: skip


def add_ramp(engine: Engine, records: Sequence[Json], why: str, state: str = "rolled_back") -> None:
    """Add a ramp with its inputs and the decision that ended it."""
    rules = read_rules(TASK)
    evidence = fold_all(start(rules, None), records, rules)
    of = {"task": TASK, "version": WRONG}
    row = of | {"slot": "challenger", "champion": CHAMPION, "state": state, "seen": {}, "why": why,
                "settings": rules.model_dump(mode="json"), "evidence": evidence.as_json(),
                "cursors": {}}  # fmt: skip
    with engine.begin() as connection:
        started = func.now() - func.make_interval(0, 0, 0, 0, 0, len(records))
        connection.execute(insert(Ramp).values(row | {"started_at": started}))
        for number, record in enumerate(records):
            at = started + func.make_interval(0, 0, 0, 0, 0, number)
            connection.execute(insert(RampInput).values(of | {"record": record, "at": at}))
        decided = of | {"by": "guard", "step": 0, "details": {}, "through_id": len(records)}
        connection.execute(
            insert(RampDecision),
            [decided | {"decision": "begin", "why": "It begins in shadow.", "by": "ramp"},
             decided | {"decision": "roll_back", "why": why}],
        )  # fmt: skip


def add_pair(
    engine: Engine, storage: Storage, key: str, picture: bytes, said: tuple[Json, Json],
    correct: str | None = None,
) -> str:  # fmt: skip
    """Add what both versions said of a photo, its kept picture and a person's word."""
    content = hashlib.sha256(picture + key.encode()).hexdigest()
    pair, (champion, other) = uuid4(), said
    best = [max(one["scores"], key=one["scores"].__getitem__) for one in said]
    distance = sum(abs(champion["scores"][k] - other["scores"][k]) for k in champion["scores"]) / 2
    row = {"task": TASK, "content_sha256": content, "listing_key": key, "pair_id": pair,
           "client": "backend"}  # fmt: skip
    storage.write(f"kept/{content}", picture)
    kept = {"client": "backend", "listing_key": key, "object_key": f"kept/{content}", "bytes": 1}
    with engine.begin() as connection:
        connection.execute(insert(KeptPhoto).values(kept | {"content_sha256": content}))
        connection.execute(
            insert(Prediction).values(
                row | {"slot": "champion", "version": CHAMPION, "answer": champion}
            )
        )
        compared = {"label_group": best[0], "agrees": best[0] == best[1], "distance": distance}
        connection.execute(
            insert(Prediction).values(
                row | compared | {"slot": "challenger", "version": WRONG, "role": "paired",
                                  "answer": other}
            )
        )  # fmt: skip
        if correct is not None:
            spoken = {"task": TASK, "content_sha256": content, "client": "backend"}
            connection.execute(insert(Feedback).values(spoken | {"correct": correct}))
    return content
