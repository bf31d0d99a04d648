"""A replay as a page, and its command line: `python -m registry.ramp replay TASK VERSION`."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from mlflow import MlflowClient
from sqlalchemy import Engine

from registry.pages import render
from registry.ramp.page import show
from registry.ramp.replay import Replay, replay
from registry.ramp.sentences import percent
from registry.runs import log_text, page_of
from serving.storage.interface import Storage

PAGE_FILE, PAGE_TAG = "replay.html", "replay.page"


def render_replay(found: Replay) -> str:
    """Return a replay's page: HTML that loads nothing from anywhere."""
    return render(
        "replay.html.j2",
        replay=found,
        tone="" if not found.photos else "good" if found.is_fine else "bad",
        photos=[show(one, found.champion, found.version) for one in found.differences],
        percent=percent,
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def log_replay(client: MlflowClient, found: Replay) -> None:
    """Put a replay's page beside the version's run in MLflow, and link it by a tag."""
    version = client.get_model_version(found.task, found.version)
    if version.run_id:
        log_text(client, version.run_id, PAGE_FILE, render_replay(found))
        address = f"{page_of(client, version.run_id)}/artifacts/{PAGE_FILE}"
        client.set_model_version_tag(found.task, found.version, PAGE_TAG, address)


def add_replay(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    command = actions.add_parser("replay", help="kept photos through a version, without traffic")
    command.add_argument("task")
    command.add_argument("version")
    command.add_argument("--days", type=float, default=7.0, help="how old photos may be")
    command.add_argument("--photos", type=int, default=1000, help="the newest so many")
    command.add_argument("--page", type=Path, help="write the page to this file as well")


def run_replay(
    client: MlflowClient, engine: Engine, storage: Storage, asked: argparse.Namespace
) -> int:
    """Carry the command out; return 1 where something lies beyond what is allowed."""
    wanted = (asked.task, asked.version)
    found = replay(client, engine, storage, wanted, asked.days, asked.photos)
    log_replay(client, found)
    if asked.page is not None:
        asked.page.write_text(render_replay(found))
    print(as_text(found))
    return 0 if found.is_fine else 1


def as_text(found: Replay) -> str:
    """Return a replay as lines for a terminal."""
    lines = [found.verdict, ""]
    lines += [
        f"{group.name:24} {group.photos:7,} photos  {percent(group.differ / group.photos):>8} "
        f"otherwise  distance {group.distance:.3f}"
        for group in found.groups
    ]
    lines += [
        f"version {version}: {speed.median_s * 1e3:.1f} ms a picture, 95 % within "
        f"{speed.p95_s * 1e3:.1f} ms"
        for version, speed in found.speed.items()
    ]
    lines += [
        f"version {version}: {right:,} right of {found.labelled:,} that people labelled"
        for version, right in found.right.items()
    ]
    return "\n".join(lines)
