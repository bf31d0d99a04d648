"""May this version answer? Asked anew by everything that promotes, publishes or goes back to one.

A version may that passed its gates, by the gates file this project ships or one an operator
allowed, on the frozen test set that belongs to them, and whose licence may be used here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from mlflow.entities.model_registry import ModelVersion

from registry.gates import STANDARD, digest_of
from registry.versions import GATES_DIGEST, GATES_FILE, LICENCE, PASSED, REASONS, TEST_SET, VERDICT
from serving.licences import LicencePolicy
from serving.settings import Settings

_TEST_SETS = Path(__file__).parent / "test_sets.yaml"


def standard_test_sets() -> dict[str, str]:
    """Return the digest of the frozen test set that the standard gates were made for, by task."""
    read: dict[str, str] = yaml.safe_load(_TEST_SETS.read_text())
    return read


@dataclass(frozen=True)
class Admission:
    """What is asked of a version before it may answer; by default as strict as production.

    Attributes
    ----------
    gates : SHA-256 of the gates files whose verdict counts
    test_sets : by task, the frozen test set to be judged on; any for a task that is not named
    allowed_test_sets : further ones that an operator allowed
    """

    licences: LicencePolicy = field(default_factory=LicencePolicy)
    gates: Collection[str] = field(default_factory=lambda: (digest_of(STANDARD),))
    test_sets: Mapping[str, str] = field(default_factory=standard_test_sets)
    allowed_test_sets: Collection[str] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Admission":
        """Return what these settings ask for."""
        return cls(
            licences=settings.licences(),
            gates=(digest_of(STANDARD), *settings.allow_gates),
            allowed_test_sets=settings.allow_test_sets,
        )

    def refusal(self, version: ModelVersion) -> str | None:
        """Say why the version may not answer, and what to do about it; None: it may."""
        tags = version.tags
        return (
            _refuse_verdict(tags)
            or self._refuse_gates(tags)
            or self._refuse_test_set(str(version.name), tags)
            or self.refuse_licence(version)
        )

    def refuse_licence(self, version: ModelVersion) -> str | None:
        """Say why the licence of the version's weights may not be used here; None: it may."""
        return self.licences.refusal(version.tags.get(LICENCE, "unknown"))

    def _refuse_gates(self, tags: Mapping[str, str]) -> str | None:
        digest = tags.get(GATES_DIGEST)
        if digest in self.gates:
            return None
        if digest is None:
            return "the tags do not say which gates judged it; judge a newly trained version"
        return (
            f"'{tags.get(GATES_FILE, 'a file without a name')}' judged it, which does not decide "
            f"here; have registry/gates.yaml judge it, or name {digest} in ALLOW_GATES"
        )

    def _refuse_test_set(self, task: str, tags: Mapping[str, str]) -> str | None:
        wanted, found = self.test_sets.get(task), tags.get(TEST_SET)
        if wanted is None or found == wanted or found in self.allowed_test_sets:
            return None
        if found is None:
            return "the tags do not say on which test set it was judged; judge a new version"
        return (
            f"it was judged on the frozen test set {found}, the gates were made for {wanted}; "
            "train it with that one, or name the other in ALLOW_TEST_SETS"
        )


def _refuse_verdict(tags: Mapping[str, str]) -> str | None:
    verdict = tags.get(VERDICT)
    if verdict == PASSED:
        return None
    if verdict is None:
        return "it was never judged by the gates"
    return f"its gates are closed: {tags.get(REASONS, 'no reason was kept')}"
