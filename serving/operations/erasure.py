"""How operators forget things; part of `python -m serving.operations`."""

import argparse

from sqlalchemy import Engine

from serving.jobs.erasure import Eraser, request_erasure
from serving.jobs.retention import Retention
from serving.settings import Settings
from serving.storage.objects import storage_of

_LONG_S = 24 * 3600.0


def run(engine: Engine, settings: Settings, arguments: argparse.Namespace) -> int:
    """Do what was asked, to its end; return the exit code."""
    storage = storage_of(settings)
    if arguments.command == "tidy":
        removed = Retention(settings, engine, storage).tidy(arguments.seconds)
        print(_as_lines(removed.counts))
        return 0
    erasure_id = request_erasure(engine, arguments.client, listing_id=arguments.listing)
    row = Eraser(settings, engine, storage).carry_on(erasure_id, _LONG_S)
    print(_as_lines(row.erased))
    return 0 if row.finished_at is not None else 1


def _as_lines(counts: dict[str, int]) -> str:
    return "\n".join(f"{count}\t{what}" for what, count in sorted(counts.items())) or "nothing"
