"""Versions beside the champion: the alias `challenger`, and `arm-NAME` of an experiment.

Their tags say what they are asked for, and are read every round. A ramp that wants another weight
has it written there; a tag that neither the ramp nor anybody before has set is a person's hand, and
pauses the ramp.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session as Database

from registry.forecast import read_forecast
from registry.ramp.look import deciding
from registry.ramp.rules import read_rules
from registry.ramp.states import LIVE, State
from registry.ramp.store import Beginning, begin, seen_of, withdraw, write
from registry.reconcile import tag_state
from registry.slot_rows import Stored, remove_slot, set_traffic, write_slot
from registry.traffic import APPROVAL, MODE, WEIGHT, Traffic, refuse_beside
from registry.versions import ROLLED_BACK_AT, ROLLED_BACK_REASON
from serving.db.canary_tables import Ramp
from serving.db.tables import Slot
from serving.errors import BadInput
from serving.models.routing import CHAMPION
from serving.models.slots import Mode, Published

log = logging.getLogger(__name__)

# a gateway that has yet to load a new champion goes on asking the challenger that it was
_PROMOTED_FOR = timedelta(seconds=20)


@dataclass(frozen=True)
class Candidate:
    """A version under an alias beside the champion.

    Attributes
    ----------
    champion : what answers now
    now : what the slot holds; None: nothing
    others : what stands beside the champion in other slots
    """

    version: ModelVersion
    slot: str
    champion: Published | None
    now: Published | None
    others: tuple[Published, ...] = ()

    @property
    def task(self) -> str:
        """The task's name."""
        return str(self.version.name)

    @property
    def number(self) -> str:
        """The version's number."""
        return str(self.version.version)

    @property
    def tags(self) -> Mapping[str, str]:
        """The version's tags."""
        tags: Mapping[str, str] = self.version.tags
        return tags

    @property
    def is_published(self) -> bool:
        """Whether the slot holds this version."""
        return self.now is not None and self.now.version == self.number

    def refusal(self) -> str | None:
        """Say why the version may not stand beside the champion, whatever its gates say."""
        if self.champion is None:
            return "there is no champion that it could be compared with; make it the champion"
        if ROLLED_BACK_AT in self.tags:
            reason = self.tags.get(ROLLED_BACK_REASON, "no reason was kept")
            return f"it was rolled back ({reason}); delete its tag {ROLLED_BACK_AT} to try it again"
        return None

    def traffic(self, model_sha256: str) -> Traffic:
        """Return what its tags ask for; BadInput if that cannot be."""
        traffic = Traffic.read(self.tags, self.number, model_sha256)
        refusal = refuse_beside(traffic, self.others)
        if refusal is not None:
            raise BadInput(refusal)
        return traffic


def publish_beside(engine: Engine, candidate: Candidate, stored: Stored) -> None:
    """Let a version stand beside the champion, and begin its ramp; BadInput."""
    assert candidate.champion is not None, "refused before"
    traffic = candidate.traffic(stored.model_sha256)
    task, slot, number = candidate.task, candidate.slot, candidate.number
    forecast = read_forecast(candidate.version, candidate.champion.model_sha256)
    new = Beginning(
        task, slot, number, candidate.champion.version, traffic, read_rules(task), forecast,
        candidate.tags.get(APPROVAL),
    )  # fmt: skip
    with deciding(engine, task) as database:
        begin(database, new, f"version {number} has come beside {new.champion}")
        write_slot(
            database,
            task,
            slot,
            stored,
            mode=traffic.mode.value,
            weight=traffic.weight,
            salt=traffic.salt,
            shadow=traffic.shadow,
        )


def follow_tags(client: MlflowClient, engine: Engine, candidate: Candidate) -> None:
    """Bring a published version's tags, its ramp and its slot in line; BadInput.

    Whichever of the tags and the ramp has changed since the last round is followed, a person's tag
    before the ramp.
    """
    assert candidate.now is not None, "it is published"
    traffic = candidate.traffic(candidate.now.model_sha256)
    task, number = candidate.task, candidate.number
    with deciding(engine, task) as database:
        ramp = database.get(Ramp, (task, number))
        if ramp is None or ramp.state not in LIVE:
            return
        told = _told_by_hand(database, ramp, traffic, candidate.tags.get(APPROVAL))
        mode, weight = ramp.mode, ramp.weight
        set_traffic(database, task, candidate.slot, mode, weight, traffic.salt, traffic.shadow)
        database.flush()
        database.refresh(ramp)
        database.expunge(ramp)
    if not told and (traffic.mode.value, traffic.weight) != (mode, weight):
        client.set_model_version_tag(task, number, WEIGHT, repr(weight).removesuffix(".0"))
        client.set_model_version_tag(task, number, MODE, mode)
        _remember(engine, candidate, Traffic(Mode(mode), weight, traffic.shadow, traffic.salt))
    tag_state(client, task, number, ramp, candidate.tags)


def _told_by_hand(database: Database, ramp: Ramp, traffic: Traffic, approval: str | None) -> bool:
    """Follow tags that a person has changed; return whether somebody has."""
    found, before = seen_of(traffic, approval), ramp.seen
    asked = (traffic.mode.value, traffic.weight)
    by_ramp = asked == (ramp.mode, ramp.weight)
    by_hand = not by_ramp and asked != (before.get("mode"), before.get("weight"))
    if approval != before.get(APPROVAL) and approval is not None:
        write(database, ramp, "approve", "person", f"the tag {APPROVAL} was set to '{approval}'")
    if by_hand:
        was = f"{ramp.mode} at {ramp.weight:g} %"
        ramp.mode, ramp.weight = asked
        ramp.why = f"a person set {traffic.mode} at {traffic.weight:g} % in MLflow, it was {was}"
        if ramp.state != State.FIXED:
            ramp.state = State.PAUSED
        write(database, ramp, "pause", "person", ramp.why)
    if by_hand or by_ramp or approval != before.get(APPROVAL):
        ramp.seen = {**before, APPROVAL: approval} if not (by_hand or by_ramp) else found
    return by_hand


def _remember(engine: Engine, candidate: Candidate, traffic: Traffic) -> None:
    with deciding(engine, candidate.task) as database:
        ramp = database.get(Ramp, (candidate.task, candidate.number))
        if ramp is not None:
            ramp.seen = seen_of(traffic, candidate.tags.get(APPROVAL))


def end_promoted(engine: Engine, task: str, slot: str) -> bool:
    """Empty the slot of a version that is the champion now, once every gateway has loaded it.

    Returns
    -------
    Whether it is empty.
    """
    with deciding(engine, task) as database:
        held = database.scalar(select(Slot.version).where(Slot.task == task, Slot.slot == slot))
        loaded = Slot.updated_at < func.now() - _PROMOTED_FOR
        here = select(Slot.version).where(Slot.task == task, Slot.slot == CHAMPION)
        if held is not None and database.scalar(here.where(loaded)) != held:
            return False
        if remove_slot(database, task, slot):
            log.info("%s version %s is the champion alone", task, held)
        return True


def end_withdrawn(engine: Engine, row: Published) -> None:
    """Empty a slot whose alias was taken away; what the version answered is answered again."""
    with deciding(engine, row.task) as database:
        if not remove_slot(database, row.task, row.slot):
            return
        ramp = database.get(Ramp, (row.task, row.version))
        if ramp is not None and ramp.state in LIVE:
            withdraw(database, ramp, f"its alias {row.slot} was taken away")
        log.info("%s version %s is no %s any more", row.task, row.version, row.slot)
