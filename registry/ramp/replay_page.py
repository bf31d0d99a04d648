"""A replay as a page and as lines for a terminal."""

from datetime import UTC, datetime

from mlflow import MlflowClient
from sqlalchemy import Engine

from registry.pages import render
from registry.ramp.page import show
from registry.ramp.replay import Replay
from registry.ramp.sentences import percent
from registry.ramp.shown import Place, put_page
from registry.runs import page_of

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


def log_replay(client: MlflowClient, engine: Engine, found: Replay) -> None:
    """Put a replay's page beside the version's run in MLflow, and link it by a tag."""
    version = client.get_model_version(found.task, found.version)
    if version.run_id:
        shown = [one.object_key for one in found.differences]
        put_page(client, engine, Place(version.run_id, PAGE_FILE), render_replay(found), shown)
        address = f"{page_of(client, version.run_id)}/artifacts/{PAGE_FILE}"
        client.set_model_version_tag(found.task, found.version, PAGE_TAG, address)


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
