"""What becomes of a version that passed its gates: champion where there is none, else challenger.

A version beside a champion begins as its shadow; its ramp does the rest. One that comes while
another already answers listings waits: the listings of the other would change twice.
"""

from dataclasses import dataclass

from mlflow import MlflowClient
from sqlalchemy import Engine

from registry.admission import Admission
from registry.promote import make_challenger, promote
from registry.traffic import APPROVAL, APPROVED
from registry.versions import CHAMPION, find_alias
from serving.errors import BadInput
from serving.models.routing import CHALLENGER
from serving.models.slots import Mode, Published, read_slots


@dataclass(frozen=True)
class Released:
    """Where a version was put.

    Attributes
    ----------
    slot : `champion` or `challenger`; None: it waits
    why : one sentence
    """

    slot: str | None
    why: str


def release(
    client: MlflowClient, engine: Engine, task: str, version: str, admission: Admission
) -> Released:
    """Put a judged version where it may prove itself; nothing is taken from one that answers.

    Raises
    ------
    BadInput
        If the version may not answer; it says why.
    """
    champion = find_alias(client, task, CHAMPION)
    if champion in (None, version):
        promote(client, task, version, admission)
        return Released(CHAMPION, "it is the first version that may answer, and answers at once")
    running = answering(engine, task)
    if running is not None and running.version != version:
        return Released(
            None,
            f"version {running.version} answers {running.weight:g} % of listings now; give this "
            f"one the alias '{CHALLENGER}' when its ramp has ended",
        )
    make_challenger(client, task, version, admission)
    return Released(CHALLENGER, f"it is compared with version {champion}, and its ramp goes on")


def approve(client: MlflowClient, task: str) -> str:
    """Allow the steps of the challenger's ramp that need a person; return its version.

    Raises
    ------
    BadInput
        If no version is beside the champion.
    """
    version = find_alias(client, task, CHALLENGER)
    if version is None:
        raise BadInput(f"{task} has no version with the alias '{CHALLENGER}' to approve")
    client.set_model_version_tag(task, version, APPROVAL, APPROVED)
    return version


def answering(engine: Engine, task: str) -> Published | None:
    """Return the challenger if it answers any listings now; None: there is none, or a shadow."""
    row = read_slots(engine).get((task, CHALLENGER))
    answers = row is not None and row.runs and row.mode == Mode.CANARY and row.weight > 0
    return row if answers else None
