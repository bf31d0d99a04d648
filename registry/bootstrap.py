"""The starter models: what a fresh machine serves before anybody has trained anything.

`python -m registry.bootstrap TASK VERSION` makes a version of the registry the starter.
"""

import argparse
import json
import logging
from pathlib import Path

from mlflow import MlflowClient

from registry.client import open_client, open_experiment
from registry.gates import both, judge, judge_licence, read_gates
from registry.promote import promote
from registry.versions import VERDICT, log_figures, read_files, register, tag_verdict
from serving.card import ModelCard
from serving.environment import read_settings
from serving.settings import Settings

log = logging.getLogger(__name__)

STARTERS = Path(__file__).parent / "starter"

# of a run, not of what it made: curves, the machine, and the comparison with somebody's champion
_NOT_OF_THE_MODEL = ("train/", "val/", "system/", "lr-", "champion/", "epoch")


def register_starters(client: MlflowClient, settings: Settings) -> list[str]:
    """Register each starter as version 1 of its task where there is none yet; return those tasks.

    It meets the same gates as every version, with the figures that were measured when it was made,
    and this environment's licence policy.
    """
    # judged, not merely there: a start that was killed halfway is done again
    known = {version.name for version in client.search_model_versions() if VERDICT in version.tags}
    made = []
    for folder in sorted(path.parent for path in STARTERS.glob("*/card.json")):
        if folder.name not in known:
            _register(client, settings, folder)
            made.append(folder.name)
    return made


def _register(client: MlflowClient, settings: Settings, folder: Path) -> None:
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    figures: dict[str, float] = json.loads((folder / "figures.json").read_bytes())
    experiment = open_experiment(client, settings, card.task)
    run = client.create_run(experiment, run_name=f"{card.task} starter")
    log_figures(client, run.info.run_id, figures)
    model = (folder / "model.onnx").read_bytes()
    version = register(client, run.info.run_id, model, card)
    verdict = both(
        judge(figures, read_gates()),
        judge_licence(card.licence, settings.environment == "production", settings.allow_licences),
    )
    tag_verdict(client, card.task, version, verdict)
    if verdict.passed:
        promote(client, card.task, version)
    log.info("%s: starter registered as version %s, gates %s", card.task, version, verdict)


def export_starter(client: MlflowClient, task: str, number: str, starters: Path = STARTERS) -> Path:
    """Write a version's model, card and figures as the starter of its task; return the folder."""
    version = client.get_model_version(task, number)
    files = read_files(version)
    card = ModelCard.model_validate_json(files.card).model_copy(update={"demo": True})
    measured = client.get_run(str(version.run_id)).data.metrics
    figures = {
        name: round(value, 6)
        for name, value in sorted(measured.items())
        if not name.startswith(_NOT_OF_THE_MODEL)
    }
    folder = starters / task
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(files.model)
    (folder / "VERSION").write_text("1\n")  # what a fresh machine publishes it as
    (folder / "card.json").write_text(card.model_dump_json(indent=2) + "\n")
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    return folder


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m registry.bootstrap", description="Make a version the starter of its task."
    )
    parser.add_argument("task")
    parser.add_argument("version")
    arguments = parser.parse_args()
    print(export_starter(open_client(read_settings()), arguments.task, arguments.version))


if __name__ == "__main__":
    main()
