"""May this version answer? Asked anew by everything that promotes, publishes or goes back to one.

A version may that passed its gates, by the gates files this project ships for its task or ones an
operator allowed, on the frozen test set that belongs to them, and whose licence may be used here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from mlflow.entities.model_registry import ModelVersion

from registry.judge import digest_of, has_standard, read_gates, standard
from registry.versions import GATES_DIGEST, GATES_FILE, LICENCE, PASSED, REASONS, TEST_SET, VERDICT
from serving.licences import LicencePolicy
from serving.settings import Settings


def standard_gates(task: str) -> str | None:
    """Return the digest of the gates that decide for a task; None: nobody stated any."""
    return digest_of(standard(task)) if has_standard(task) else None


def standard_test_set(task: str) -> str | None:
    """Return the digest of the frozen test set that a task's gates were made for; None: any."""
    return read_gates(standard(task)).test_set


@dataclass(frozen=True)
class Admission:
    """What is asked of a version before it may answer; by default as strict as production.

    Attributes
    ----------
    allowed_gates : SHA-256 of gates files that an operator allowed besides a task's standard ones
    allowed_test_sets : frozen test sets that an operator allowed besides the gates' own
    """

    licences: LicencePolicy = field(default_factory=LicencePolicy)
    allowed_gates: Collection[str] = ()
    allowed_test_sets: Collection[str] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Admission":
        """Return what these settings ask for."""
        return cls(
            licences=settings.licences(),
            allowed_gates=settings.allow_gates,
            allowed_test_sets=settings.allow_test_sets,
        )

    def refusal(self, version: ModelVersion) -> str | None:
        """Say why the version may not answer, and what to do about it; None: it may."""
        tags = version.tags
        return (
            _refuse_verdict(tags)
            or self._refuse_gates(str(version.name), tags)
            or self._refuse_test_set(str(version.name), tags)
            or self.refuse_licence(version)
        )

    def refuse_licence(self, version: ModelVersion) -> str | None:
        """Say why the licence of the version's weights may not be used here; None: it may."""
        return self.licences.refusal(version.tags.get(LICENCE, "unknown"))

    def _refuse_gates(self, task: str, tags: Mapping[str, str]) -> str | None:
        digest, wanted = tags.get(GATES_DIGEST), standard_gates(task)
        if digest is not None and digest in (wanted, *self.allowed_gates):
            return None
        if wanted is None:
            return f"nobody stated what it must show; write registry/gates/{task}.yaml"
        if digest is None:
            return "the tags do not say which gates judged it; judge a newly trained version"
        return (
            f"'{tags.get(GATES_FILE, 'a file without a name')}' judged it, which does not decide "
            f"here; have registry/gates/{task}.yaml judge it, or name {digest} in ALLOW_GATES"
        )

    def _refuse_test_set(self, task: str, tags: Mapping[str, str]) -> str | None:
        wanted, found = standard_test_set(task), tags.get(TEST_SET)
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
