"""Which tags a photo has, by the table of rules, and what speaks for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from serving.photos.tags.facts import Facts, Rectangle, Things
from serving.photos.tags.rules import PRESENT_FROM, RULES, Clue, Quantity, Rule

_DIGITS = 4
_MOST_BOXES = 8


@dataclass(frozen=True)
class Evidence:
    """One quantity that speaks for a tag.

    Attributes
    ----------
    model : the task whose model told it
    what : such as `share of pool`, `sink`, `window_light`
    value : of the quantity: a probability, a confidence, a share of the photo, or a measure
    boxes : where it is seen: left, top, right, bottom in pixels of the upright photo
    """

    model: str
    what: str
    value: float
    boxes: tuple[Rectangle, ...] = ()


@dataclass(frozen=True)
class Tag:
    """Something that a photo shows.

    Attributes
    ----------
    confidence : 0..1; not calibrated
    evidence : of the clues that count, the strongest clue's first
    """

    name: str
    confidence: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Missing:
    """What nobody can say of a photo, and who could: any of these models, with such a label."""

    name: str
    needs: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class TagAnswer:
    """What a photo shows, in words to search by.

    Attributes
    ----------
    tags : that are there, the surest first
    absent : that were looked for and not found
    unavailable : that no published model can see
    """

    tags: tuple[Tag, ...]
    absent: tuple[str, ...]
    unavailable: tuple[Missing, ...]


def find_tags(facts: Facts, rules: Sequence[Rule] = RULES) -> TagAnswer:
    """Return the tags of a photo; the same facts give the same answer."""
    present, absent, unavailable = [], [], []
    for rule in rules:
        told = [clue for clue in rule.any_of if all(_is_told(q, facts) for q in clue.all_of)]
        if not told:
            unavailable.append(_missing(rule))
            continue
        found = _judge(rule, told, facts)
        if found.confidence >= PRESENT_FROM:
            present.append(found)
        else:
            absent.append(rule.tag)
    present.sort(key=lambda tag: -tag.confidence)
    return TagAnswer(tuple(present), tuple(absent), tuple(unavailable))


def _judge(rule: Rule, clues: Sequence[Clue], facts: Facts) -> Tag:
    """Weigh clues as independent: a tag is missing only where each of them errs."""
    judged = [(_strength(clue, facts), clue) for clue in clues]
    counting = sorted((one for one in judged if one[0] > 0), key=lambda one: -one[0])
    confidence = 1 - prod(1 - strength for strength, _ in counting)
    seen = dict.fromkeys(quantity for _, clue in counting for quantity in clue.all_of)
    evidence = tuple(_evidence(quantity, facts) for quantity in seen)
    return Tag(rule.tag, round(confidence, _DIGITS), evidence)


def _strength(clue: Clue, facts: Facts) -> float:
    return clue.trust * min(q.strength(_value(q, facts) or 0.0) if _is_seen(q, facts) else 0.0
                            for q in clue.all_of)  # fmt: skip


def _is_told(quantity: Quantity, facts: Facts) -> bool:
    """Say whether a model is there that would tell it if it were so."""
    match quantity.kind:
        case "room":
            return facts.rooms is not None and any(n in facts.rooms for n in quantity.names)
        case "share":
            surfaces = facts.surfaces
            return surfaces is not None and any(n in surfaces.classes for n in quantity.names)
        case "thing":
            return facts.things is not None and not facts.things.labels.isdisjoint(quantity.names)
        case "measure":
            return quantity.names[0] in facts.measures
        case "text":
            return facts.texts is not None


def _is_seen(quantity: Quantity, facts: Facts) -> bool:
    """Say whether it could be measured on this photo."""
    return _value(quantity, facts) is not None


def _value(quantity: Quantity, facts: Facts) -> float | None:
    match quantity.kind:
        case "room":
            return sum((facts.rooms or {}).get(name, 0.0) for name in quantity.names)
        case "share":
            shares = facts.surfaces.shares if facts.surfaces else {}
            return sum(shares.get(name, 0.0) for name in quantity.names)
        case "thing":
            return _nth(facts.things, quantity)
        case "measure":
            return facts.measures.get(quantity.names[0])
        case "text":
            return _nth(facts.texts, quantity)


def _nth(things: Things | None, quantity: Quantity) -> float:
    found = things.found if things else ()
    sure = sorted((one.confidence for one in found if one.label in quantity.names), reverse=True)
    return sure[quantity.nth - 1] if len(sure) >= quantity.nth else 0.0


def _evidence(quantity: Quantity, facts: Facts) -> Evidence:
    value = round(_value(quantity, facts) or 0.0, _DIGITS)
    name = " or ".join(quantity.names[:3]) + (" …" if len(quantity.names) > 3 else "")
    what = f"share of {name}" if quantity.kind == "share" else name
    return Evidence(quantity.source, what, value, _boxes(quantity, facts))


def _boxes(quantity: Quantity, facts: Facts) -> tuple[Rectangle, ...]:
    if quantity.kind in ("thing", "text"):
        things = facts.things if quantity.kind == "thing" else facts.texts
        found = things.found if things else ()
        return tuple(one.box for one in found if one.label in quantity.names)[:_MOST_BOXES]
    rises = quantity.low < quantity.high
    if quantity.kind == "share" and facts.surfaces is not None and rises:
        return facts.surfaces.regions(quantity.names, facts.size)
    return ()


def _missing(rule: Rule) -> Missing:
    needs: dict[str, list[str]] = {}
    for clue in rule.any_of:
        for quantity in clue.all_of:
            names = needs.setdefault(quantity.source, [])
            names.extend(name for name in quantity.names if name not in names)
    return Missing(rule.tag, tuple((model, tuple(names)) for model, names in needs.items()))
