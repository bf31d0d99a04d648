"""Pages by hand: `python -m registry.ramp page|replay TASK VERSION`."""

import argparse
from pathlib import Path

from sqlalchemy import Engine

from registry.client import open_client
from registry.ramp.page import log_page
from registry.ramp.replay import replay
from registry.ramp.replay_page import as_text, log_replay, render_replay
from serving.settings import Settings
from serving.storage.objects import storage_of


def add_pages(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands' arguments, with what carries them out as `run`."""
    page = actions.add_parser("page", help="make a version's page anew, beside its run in MLflow")
    again = actions.add_parser("replay", help="kept photos through a version, without traffic")
    for command, run in ((page, _page), (again, _replay)):
        command.add_argument("task")
        command.add_argument("version")
        command.add_argument("--to", type=Path, metavar="FILE", help="write the page here as well")
        command.set_defaults(run=run)
    again.add_argument("--days", type=float, default=7.0, help="how old photos may be")
    again.add_argument("--photos", type=int, default=1000, help="the newest so many")


def _page(engine: Engine, settings: Settings, asked: argparse.Namespace) -> None:
    client, storage = open_client(settings), storage_of(settings)
    page = log_page(client, engine, storage, asked.task, asked.version)
    if asked.to is not None:
        asked.to.write_text(page)
    print(f"{asked.task} version {asked.version}: its page is beside its run in MLflow")


def _replay(engine: Engine, settings: Settings, asked: argparse.Namespace) -> int:
    """Return 1 where something lies beyond what is allowed."""
    client, storage = open_client(settings), storage_of(settings)
    wanted = (asked.task, asked.version)
    found = replay(client, engine, storage, wanted, asked.days, asked.photos)
    log_replay(client, engine, found)
    if asked.to is not None:
        asked.to.write_text(render_replay(found))
    print(as_text(found))
    return 0 if found.is_fine else 1
