"""Which version answers: promotion and rollback are moves of aliases, and nothing else."""

import argparse
from datetime import UTC, datetime

from mlflow import MlflowClient

from registry.client import open_client
from registry.versions import CHAMPION, PASSED, PREVIOUS, VERDICT, find_alias
from serving.environment import read_settings
from serving.errors import BadInput


def promote(client: MlflowClient, task: str, version: str) -> None:
    """Make `version` the champion; the one before stays known as `previous`.

    Raises
    ------
    BadInput
        If the version has not passed its gates.
    """
    tags = client.get_model_version(task, version).tags
    if tags.get(VERDICT) != PASSED:
        raise BadInput(
            f"{task} version {version} has not passed its gates: "
            f"{tags.get('gate.reasons', 'it was never judged')}"
        )
    champion = find_alias(client, task, CHAMPION)
    if champion == version:
        return
    if champion is not None:
        client.set_registered_model_alias(task, PREVIOUS, champion)
    client.set_registered_model_alias(task, CHAMPION, version)
    client.set_model_version_tag(task, version, "promoted.at", _now())


def roll_back(client: MlflowClient, task: str, reason: str) -> str:
    """Make `previous` the champion again and say why on the version that goes; return the new one.

    Raises
    ------
    BadInput
        If there is nothing to go back to.
    """
    champion, previous = find_alias(client, task, CHAMPION), find_alias(client, task, PREVIOUS)
    if previous is None or champion is None or previous == champion:
        raise BadInput(f"{task} has no previous version to go back to")
    client.set_model_version_tag(task, champion, "rolled_back.at", _now())
    client.set_model_version_tag(task, champion, "rolled_back.reason", reason)
    client.set_registered_model_alias(task, CHAMPION, previous)
    client.set_registered_model_alias(task, PREVIOUS, champion)
    return previous


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="registry.promote", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    up = actions.add_parser("promote", help="make a version the champion")
    up.add_argument("task")
    up.add_argument("version")
    down = actions.add_parser("rollback", help="go back to the previous champion")
    down.add_argument("task")
    down.add_argument("--reason", required=True)
    arguments = parser.parse_args()
    client = open_client(read_settings())
    if arguments.action == "promote":
        promote(client, arguments.task, arguments.version)
        print(f"{arguments.task}: version {arguments.version} is the champion")
    else:
        version = roll_back(client, arguments.task, arguments.reason)
        print(f"{arguments.task}: back to version {version}")


if __name__ == "__main__":
    main()
