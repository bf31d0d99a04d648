"""Which version answers: promotion and rollback are moves of aliases, and nothing else."""

import argparse
import sys
from datetime import UTC, datetime

from mlflow import MlflowClient

from registry.admission import Admission
from registry.client import open_client
from registry.traffic import MODE, WEIGHT
from registry.versions import (
    CHAMPION,
    PREVIOUS,
    PUBLISHED_AT,
    ROLLED_BACK_AT,
    ROLLED_BACK_REASON,
    find_alias,
)
from serving.environment import read_settings
from serving.errors import BadInput
from serving.models.routing import CHALLENGER


def promote(
    client: MlflowClient, task: str, version: str, admission: Admission | None = None
) -> None:
    """Make `version` the champion; the one before stays known as `previous`.

    Parameters
    ----------
    admission : what is asked of the version; None: what production asks

    Raises
    ------
    BadInput
        If the version may not answer; it says why, and what to do about it.
    """
    _check(client, task, version, admission or Admission())
    champion = find_alias(client, task, CHAMPION)
    if champion == version:
        return
    if champion is not None:
        client.set_registered_model_alias(task, PREVIOUS, champion)
    client.set_registered_model_alias(task, CHAMPION, version)
    client.set_model_version_tag(task, version, "promoted.at", _now())


def make_challenger(
    client: MlflowClient, task: str, version: str, admission: Admission | None = None
) -> None:
    """Put `version` beside the champion, as a shadow first; its ramp does the rest.

    Raises
    ------
    BadInput
        If the version may not answer, or was taken back and nobody has cleared it.
    """
    _check(client, task, version, admission or Admission())
    tags = client.get_model_version(task, version).tags
    if ROLLED_BACK_AT in tags:
        raise BadInput(
            f"{task} version {version} may not answer: it was taken back; "
            f"delete its tag '{ROLLED_BACK_AT}' to try it again"
        )
    # the alias comes last: a version is never published with an earlier trial's traffic
    for tag in {WEIGHT, MODE} & tags.keys():
        client.delete_model_version_tag(task, version, tag)
    client.set_registered_model_alias(task, CHALLENGER, version)


def roll_back(
    client: MlflowClient, task: str, reason: str, admission: Admission | None = None
) -> str:
    """Make what answered before the champion answer again; return that version.

    That is the alias `previous`, which the publisher keeps, also when people move `champion` by
    hand in MLflow. A champion that the publisher refused never answered: what does is made the
    champion again.

    Raises
    ------
    BadInput
        If there is nothing to go back to, or it may not answer any more.
    """
    admission = admission or Admission()
    champion, previous = find_alias(client, task, CHAMPION), find_alias(client, task, PREVIOUS)
    never_answered = champion is not None and _never_answered(client, task, champion, admission)
    target = (_answering(client, task) if never_answered else None) or previous
    if target is None or champion is None or target == champion:
        raise BadInput(f"{task} has no previous version to go back to")
    _check(client, task, target, admission)
    client.set_model_version_tag(task, champion, ROLLED_BACK_AT, _now())
    client.set_model_version_tag(task, champion, ROLLED_BACK_REASON, reason)
    client.set_registered_model_alias(task, CHAMPION, target)
    if not never_answered:
        client.set_registered_model_alias(task, PREVIOUS, champion)
    return target


def _never_answered(client: MlflowClient, task: str, number: str, admission: Admission) -> bool:
    version = client.get_model_version(task, number)
    return PUBLISHED_AT not in version.tags and admission.refusal(version) is not None


def _answering(client: MlflowClient, task: str) -> str | None:
    """Return the version that was published last, which is what answers now."""
    versions = client.search_model_versions(f"name = '{task}'")
    published = [version for version in versions if PUBLISHED_AT in version.tags]
    newest = max(published, key=lambda version: version.tags[PUBLISHED_AT], default=None)
    return None if newest is None else str(newest.version)


def _check(client: MlflowClient, task: str, version: str, admission: Admission) -> None:
    refusal = admission.refusal(client.get_model_version(task, version))
    if refusal is not None:
        raise BadInput(f"{task} version {version} may not answer: {refusal}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="registry.promote", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    up = actions.add_parser("promote", help="make a version the champion")
    up.add_argument("task")
    up.add_argument("version")
    beside = actions.add_parser("challenger", help="put a version beside the champion")
    beside.add_argument("task")
    beside.add_argument("version")
    down = actions.add_parser("rollback", help="go back to the previous champion")
    down.add_argument("task")
    down.add_argument("--reason", required=True)
    arguments = parser.parse_args()
    settings = read_settings()
    client, admission = open_client(settings), Admission.of(settings)
    try:
        if arguments.action == "promote":
            promote(client, arguments.task, arguments.version, admission)
            print(f"{arguments.task}: version {arguments.version} is the champion")
        elif arguments.action == "challenger":
            make_challenger(client, arguments.task, arguments.version, admission)
            print(f"{arguments.task}: version {arguments.version} is the challenger, as a shadow")
        else:
            version = roll_back(client, arguments.task, arguments.reason, admission)
            print(f"{arguments.task}: back to version {version}")
    except BadInput as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
