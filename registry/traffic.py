"""The traffic of a version beside the champion, as the tags of the version say.

`canary.mode` is `shadow`, `canary` or `off`; `canary.weight` the percentage of listings that the
version answers; `canary.shadow` that of which it is asked besides; `canary.salt` what listings are
drawn by. People edit these tags, and the ramp writes them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from serving.errors import BadInput
from serving.models.slots import Mode, Published

WEIGHT, MODE, SALT, SHADOW = "canary.weight", "canary.mode", "canary.salt", "canary.shadow"
APPROVAL, APPROVED = "approval", "approved"
_LONGEST_SALT = 200


@dataclass(frozen=True)
class Traffic:
    """What a version beside the champion is asked for.

    Attributes
    ----------
    weight : the share of listings that it answers while `mode` is canary, in percent
    shadow : the share of listings of which it is asked besides, in percent
    """

    mode: Mode
    weight: float
    shadow: float
    salt: str

    @classmethod
    def read(cls, tags: Mapping[str, str], version: str, model_sha256: str) -> "Traffic":
        """Return what the tags of a version say.

        Without tags it is a shadow. A weight without a mode is a canary's. The salt is the
        version's own, so that each begins with other listings.

        Raises
        ------
        BadInput
            A tag holds what is no such value.

        Examples
        --------
        >>> Traffic.read({"canary.weight": "5"}, "7", "1a2b3c4d5e")
        Traffic(mode=<Mode.CANARY: 'canary'>, weight=5.0, shadow=100.0, salt='7-1a2b3c4d')
        """
        weight = _percent(tags, WEIGHT, 0.0)
        salt = tags.get(SALT) or f"{version}-{model_sha256[:8]}"
        if "\0" in salt or len(salt) > _LONGEST_SALT:
            raise BadInput(f"{SALT} is longer than {_LONGEST_SALT} characters, or holds a zero")
        default = Mode.CANARY if weight > 0 else Mode.SHADOW
        return cls(_mode(tags, default), weight, _percent(tags, SHADOW, 100.0), salt)

    @property
    def answered(self) -> float:
        """The share of listings that it answers, in percent."""
        return self.weight if self.mode == Mode.CANARY else 0.0


def _mode(tags: Mapping[str, str], default: Mode) -> Mode:
    given = tags.get(MODE)
    if given is None:
        return default
    try:
        return Mode(given.strip().lower())
    except ValueError:
        known = ", ".join(Mode)
        raise BadInput(f"{MODE} is '{given[:40]}', which is none of {known}") from None


def _percent(tags: Mapping[str, str], name: str, default: float) -> float:
    given = tags.get(name)
    if given is None:
        return default
    try:
        value = float(given.strip().removesuffix("%"))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise BadInput(f"{name} is '{given[:40]}', which is no percentage from 0 to 100")
    return value


def refuse_beside(traffic: Traffic, others: Iterable[Published]) -> str | None:
    """Say why a version may not have that traffic beside the others of its task; None: it may.

    The versions beside a champion share one draw: with two salts a listing would have two answers.
    """
    running = [row for row in others if row.runs]
    for row in running:
        if row.salt != traffic.salt:
            return (
                f"{row.slot} draws its listings by another salt ('{row.salt}'): one ramp or "
                f"experiment at a time, or the same {SALT} on each version of an experiment"
            )
    answered = traffic.answered + sum(row.weight for row in running if row.mode == Mode.CANARY)
    if answered > 100:
        return f"with it the versions beside the champion would answer {answered:g} % of listings"
    return None
