"""Takes a version back in the database alone, with MLflow and Dagster dead.

The registry's publisher brings MLflow's aliases and tags in line when it can; until then the
version is refused whatever they say.
"""

from dataclasses import dataclass

from sqlalchemy import Engine


@dataclass(frozen=True)
class RolledBack:
    """What was taken back.

    Attributes
    ----------
    target : the version that answers instead of a champion; None: it was beside the champion
    """

    task: str
    slot: str
    version: str
    target: str | None


def roll_back(
    engine: Engine, task: str, slot: str, reason: str, by: str, version: str | None = None
) -> RolledBack:
    """Stop a version beside the champion, or let the champion before answer again.

    Parameters
    ----------
    version : that must be what the slot holds; asked for again it is the same rollback

    Raises
    ------
    BadInput
        The slot is empty, holds another version, or there is nothing to go back to.
    """
    raise NotImplementedError
