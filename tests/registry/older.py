"""Rules as ramps began with them before certainty was watched."""

from registry.ramp.rules import RampRules, read_rules


def rules_without_certainty(task: str = "no-such-task") -> RampRules:
    """Return the rules with their stakes of then."""
    rules = read_rules(task).model_dump(mode="json", exclude={"certainty"})
    rules["distance"]["weight"] += 0.05
    rules["distance"]["group_weight"] += 0.05
    return RampRules.model_validate(rules)
