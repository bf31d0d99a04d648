"""The thresholds as Great Expectations suites, one per table that is judged."""

from collections.abc import Sequence
from typing import Any

from great_expectations.expectations.core.expect_column_values_to_be_between import (
    ExpectColumnValuesToBeBetween,
)
from great_expectations.expectations.core.expect_column_values_to_be_in_set import (
    ExpectColumnValuesToBeInSet,
)
from great_expectations.expectations.core.expect_column_values_to_be_null import (
    ExpectColumnValuesToBeNull,
)
from great_expectations.expectations.core.expect_table_row_count_to_be_between import (
    ExpectTableRowCountToBeBetween,
)
from great_expectations.expectations.expectation import Expectation

from training.data.expectations import (
    Allowed,
    ClassRules,
    FrozenRules,
    PhotoRules,
    Range,
    Rule,
    Share,
    SourceRules,
)


def expect_photos(rules: PhotoRules, labels: Sequence[str]) -> list[Expectation]:
    """Judge the photos one by one; columns as `build_table` returns them, and `name`."""
    known = Allowed(
        share=rules.label_known.share, allowed=tuple(labels), **_rule(rules.label_known)
    )
    return [
        ExpectTableRowCountToBeBetween(
            min_value=rules.enough.at_least,
            **_words(rules.enough, f"At least {rules.enough.at_least:,} photos are listed", ""),
        ),
        _null("error", rules.readable, "Photos can be decoded", "cannot be decoded", "{error}"),
        _in_set("label", known, "Labels are in the taxonomy", "label not in the taxonomy"),
        _null(
            "two_labels",
            rules.one_label,
            "Pictures stand under one label only",
            "same picture under another label too",
            "{two_labels}",
        ),
        ExpectColumnValuesToBeBetween(
            column="copies",
            max_value=1,
            mostly=rules.no_exact_copy.share,
            **_words(
                rules.no_exact_copy,
                "No other photo has the same bytes",
                "byte-identical to another photo",
            ),
        ),
        _null(
            "duplicate_group",
            rules.no_near_copy,
            "No other photo shows the same picture (perceptual hash)",
            "same picture as another photo",
        ),
        _null("quarantine", rules.usable, "Photos are usable", "in quarantine", "{quarantine}"),
        _between("width", rules.sides_px, "too narrow", "{width} px"),
        _between("height", rules.sides_px, "too low", "{height} px"),
        _in_set("mode", rules.colour_mode, "Colour modes are", "unusual colour mode"),
        _between("brightness", rules.brightness, "too dark or too bright", "{brightness:.0f}"),
        _between("sharpness", rules.sharpness, "blurred or blank", "{sharpness:.0f}"),
    ]


def expect_classes(rules: ClassRules) -> list[Expectation]:
    """Judge the labels; columns as `sum_labels` returns them."""
    return [
        _between("photos", rules.enough, "too few usable photos", "{photos:,}"),
        _between(
            "share_of_largest",
            rules.balance,
            "too small beside the largest class",
            "{share_of_largest:.0%}",
        ),
        _between(
            "sharpness_ratio",
            rules.sharpness_ratio,
            "so much sharper or softer than all that blur gives the label away",
            "{sharpness_ratio:.2f}",
        ),
    ]


def expect_folders(rules: SourceRules) -> list[Expectation]:
    """Judge each class of each source; columns as `sum_folders` returns them."""
    within = rules.counts.within
    counts = Range(low=1 - within, high=1 + within, **_rule(rules.counts))
    return [
        _between(
            "share_of_expected",
            counts,
            "not the number of photos that should be there",
            "{photos:,} of {expected:,.0f}",
        ),
        _between("usable", rules.usable, "too much in quarantine", "{usable:.0%} usable"),
    ]


def expect_frozen(rules: FrozenRules) -> list[Expectation]:
    """Judge the frozen test set; columns as `find_frozen` returns them."""
    return [
        ExpectColumnValuesToBeInSet(
            column="found",
            value_set=[True],
            mostly=rules.present.share,
            **_words(
                rules.present,
                "The photo is there, unchanged and with its label",
                "gone, changed or labelled otherwise",
            ),
        )
    ]


def _between(column: str, rule: Range, complaint: str, detail: str) -> Expectation:
    bounds = " and ".join(
        f"{word} {bound:g}"
        for word, bound in (("at least", rule.low), ("at most", rule.high))
        if bound is not None
    )
    return ExpectColumnValuesToBeBetween(
        column=column,
        min_value=rule.low,
        max_value=rule.high,
        mostly=rule.share,
        **_words(rule, f"`{column}` is {bounds}", complaint, detail),
    )


def _null(column: str, rule: Share, promise: str, complaint: str, detail: str = "") -> Expectation:
    return ExpectColumnValuesToBeNull(
        column=column, mostly=rule.share, **_words(rule, promise, complaint, detail)
    )


def _in_set(column: str, rule: Allowed, promise: str, complaint: str) -> Expectation:
    return ExpectColumnValuesToBeInSet(
        column=column,
        value_set=list(rule.allowed),
        mostly=rule.share,
        **_words(rule, f"{promise}: {', '.join(rule.allowed)}", complaint, f"{{{column}}}"),
    )


def _rule(rule: Rule) -> dict[str, Any]:
    return {"why": rule.why, "severity": rule.severity}


def _words(rule: Rule, promise: str, complaint: str, detail: str = "") -> dict[str, Any]:
    """Say what is expected and why, for Data Docs, and what to say of rows that are otherwise.

    `detail` is a format string over the columns of such a row.
    """
    share = getattr(rule, "share", 1.0)
    mostly = "" if share == 1 else f" (for at least {share:.0%})"
    only = "Warning only: " if rule.severity == "warning" else ""
    return {
        "description": f"{only}{promise}{mostly}. {rule.why}",
        "severity": rule.severity,
        "meta": {"complaint": complaint, "detail": detail},
    }
