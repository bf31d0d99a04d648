"""What a finding says, as a plain sentence with its metric, group and numbers."""

from collections.abc import Mapping

from registry.evidence import ALL
from registry.records import SIDES
from registry.verdict import Finding

_SENTENCES: Mapping[str, str] = {
    "error": (
        "errors and fallbacks: in {mean} more of {seen} listings than with the champion, {ceiling}"
        " more are allowed"
    ),
    "slow": (
        "slow answers: in {mean} more of {seen} listings than with the champion, {ceiling} more are"
        " allowed"
    ),
    "override": (
        "overrides by people: {mean} of {seen} corrected listings had this version's answer, its"
        " share of the traffic allows for {ceiling}"
    ),
    "discordant": (
        "overrides where both differ: this version was wrong in {mean} of {seen} listings,"
        " {ceiling} is allowed"
    ),
    "disagreement": (
        "disagreement: {mean} of the photos{group} get another answer than the champion's"
        " ({seen} listings), {ceiling} is allowed {by}"
    ),
    "distance": (
        "distance of the scores: {mean} from the champion's on photos{group} ({seen} listings),"
        " {ceiling} is allowed {by}"
    ),
    "certainty": (
        "certainty: {mean} {group} than the champion on average ({seen} listings), {ceiling} is"
        " allowed {by}"
    ),
}


def explain(finding: Finding) -> str:
    """Return a sentence about a finding, without a full stop.

    Examples
    --------
    >>> explain(Finding("discordant", "*", 0.9, 0.5, 20, 3.9, 0.1))
    'overrides where both differ: this version was wrong in 90 % of 20 listings, 50 % is allowed'
    >>> explain(Finding("distance", "attic", 0.4, 0.3, 20, 3.9, 0.1)).partition(", ")[2]
    '30 % is allowed where no forecast was made'
    >>> explain(Finding("certainty", "surer", 0.027, 0.015, 9, 2.1, 0.1)).partition(" (")[0]
    'certainty: 2.7 % surer than the champion on average'
    """
    group = "" if finding.group == ALL else f" of {finding.group}"
    if f"{finding.metric}/{finding.group}" in SIDES:
        group = finding.group
    mean, ceiling = percent(finding.mean), percent(finding.ceiling)
    by = "by the forecast" if finding.foreseen else "where no forecast was made"
    return _SENTENCES[finding.metric].format(
        mean=mean, ceiling=ceiling, seen=finding.seen, group=group, by=by
    )


def percent(share: float) -> str:
    """Return a share as people read it.

    Examples
    --------
    >>> percent(0.014), percent(0.2), percent(-0.001)
    ('1.4 %', '20 %', '-0.1 %')
    """
    return f"{share * 100:.2g} %" if abs(share) < 0.1 else f"{share * 100:.0f} %"
