"""Pages by hand: `python -m registry.ramp page|replay TASK VERSION`."""

import argparse
from pathlib import Path

from mlflow import MlflowClient
from sqlalchemy import Engine

from registry.ramp.page import log_page
from registry.ramp.replay import replay
from registry.ramp.replay_page import as_text, log_replay, render_replay
from serving.storage.interface import Storage

Actions = argparse._SubParsersAction


def add_pages(actions: "Actions[argparse.ArgumentParser]") -> None:
    """Add the commands' arguments."""
    page = actions.add_parser("page", help="make a version's page anew, beside its run in MLflow")
    again = actions.add_parser("replay", help="kept photos through a version, without traffic")
    for command in (page, again):
        command.add_argument("task")
        command.add_argument("version")
        command.add_argument("--to", type=Path, metavar="FILE", help="write the page here as well")
    again.add_argument("--days", type=float, default=7.0, help="how old photos may be")
    again.add_argument("--photos", type=int, default=1000, help="the newest so many")


def run_page(
    client: MlflowClient, engine: Engine, storage: Storage, asked: argparse.Namespace
) -> int:
    """Carry `page` out."""
    page = log_page(client, engine, storage, asked.task, asked.version)
    if asked.to is not None:
        asked.to.write_text(page)
    print(f"{asked.task} version {asked.version}: {len(page):,} bytes")
    return 0


def run_replay(
    client: MlflowClient, engine: Engine, storage: Storage, asked: argparse.Namespace
) -> int:
    """Carry `replay` out; return 1 where something lies beyond what is allowed."""
    wanted = (asked.task, asked.version)
    found = replay(client, engine, storage, wanted, asked.days, asked.photos)
    log_replay(client, found)
    if asked.to is not None:
        asked.to.write_text(render_replay(found))
    print(as_text(found))
    return 0 if found.is_fine else 1
