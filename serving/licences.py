"""May weights of this licence be used here? One answer, for all who publish, bake in and serve."""

from collections.abc import Collection
from dataclasses import dataclass

# Weights under these may be sold with a service. What is not named is not free: nobody has looked.
FREE = (
    "own", "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "CC0-1.0", "CC-BY-4.0",
    "Unlicense",
)  # fmt: skip
_AND = " AND "


@dataclass(frozen=True)
class LicencePolicy:
    """Which licences this environment takes; by default as strict as production.

    Attributes
    ----------
    production : without it everything is taken
    allowed : restricted licences that are taken in production all the same
    """

    production: bool = True
    allowed: Collection[str] = ()

    def refusal(self, licence: str) -> str | None:
        """Say why weights of this licence may not be used here; None: they may.

        Parameters
        ----------
        licence : an SPDX identifier, `own`, `research`, or several of them joined by ` AND `

        Examples
        --------
        >>> LicencePolicy(allowed=("AGPL-3.0",)).refusal("AGPL-3.0 AND own")
        >>> LicencePolicy().refusal("research")  # doctest: +ELLIPSIS
        "the weights' licence is 'research', which production refuses; ...in ALLOW_LICENCES"
        """
        taken = {name.casefold() for name in (*FREE, *self.allowed)}
        parts = licence.split(_AND)
        closed = [part for part in parts if part.strip().casefold() not in taken]
        if not self.production or not closed:
            return None
        names = " and ".join(f"'{part}'" for part in closed)
        return (
            f"the weights' licence is '{licence}', which production refuses; to use them all the "
            f"same, name {names} in ALLOW_LICENCES"
        )


def strictest(licences: Collection[str]) -> str:
    """Return the licence of weights that learned from sources of these licences.

    `research` where a source may not be used freely: what its terms make of weights that learned
    from it, nobody has said.

    Examples
    --------
    >>> strictest(["own", "CC-BY-4.0", "own"]), strictest(["own", "unknown"])
    ('CC-BY-4.0 AND own', 'research')
    """
    free = {name.casefold() for name in FREE}
    if any(licence.casefold() not in free for licence in licences):
        return "research"
    return _AND.join(sorted(set(licences)))
