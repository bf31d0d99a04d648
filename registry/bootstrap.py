"""The starter models: what a fresh machine serves before anybody has trained anything.

`python -m registry.bootstrap TASK VERSION` makes a version of the registry the starter.
"""

import argparse
import json
import logging
from pathlib import Path

from mlflow import MlflowClient

from registry.admission import Admission, standard_test_set
from registry.client import open_client, open_experiment
from registry.judge import judge_by, standard
from registry.promote import promote
from registry.versions import (
    CHAMPION,
    REFUSED,
    VERDICT,
    find_alias,
    log_figures,
    read_figures,
    read_files,
    register,
    tag_verdict,
)
from serving.card import ModelCard
from serving.environment import read_settings
from serving.settings import Settings

log = logging.getLogger(__name__)

STARTERS = Path(__file__).parent / "starter"

# of a run, not of what it made: curves, the machine, and the comparison with somebody's champion
_NOT_OF_THE_MODEL = ("train/", "val/", "system/", "lr-", "champion/", "epoch")


def register_starters(client: MlflowClient, settings: Settings) -> list[str]:
    """Register each starter as version 1 of its task where there is none yet; return those tasks.

    It meets the same gates as every version, with the figures that were measured when it was made.
    Where this environment refuses its licence it is registered and does not answer; it does once
    the licence is allowed, unless something else answers by then.
    """
    # judged, not merely there: a start that was killed halfway is done again
    judged = [version for version in client.search_model_versions() if VERDICT in version.tags]
    known = {version.name for version in judged}
    held_back = {
        (version.name, str(version.version)) for version in judged if REFUSED in version.tags
    }
    made = []
    for folder in sorted(path.parent for path in STARTERS.glob("*/card.json")):
        task = folder.name
        if task not in known:
            _promote(client, settings, task, _register(client, settings, folder))
            made.append(task)
        elif (task, "1") in held_back and find_alias(client, task, CHAMPION) is None:
            _promote(client, settings, task, "1")
    return made


def _register(client: MlflowClient, settings: Settings, folder: Path) -> str:
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    figures: dict[str, float] = json.loads((folder / "figures.json").read_bytes())
    experiment = open_experiment(client, settings, card.task)
    run = client.create_run(experiment, run_name=f"{card.task} starter")
    model = (folder / "model.onnx").read_bytes()
    log_figures(client, run.info.run_id, figures, model)
    test_set = standard_test_set(card.task) or ""
    version = register(client, run.info.run_id, model, card, test_set)
    verdict = judge_by(figures, standard(card.task))
    tag_verdict(client, card.task, version, verdict)
    log.info("%s: starter registered as version %s, gates %s", card.task, version, verdict)
    return version


def _promote(client: MlflowClient, settings: Settings, task: str, version: str) -> None:
    admission = Admission.of(settings)
    refusal = admission.refusal(client.get_model_version(task, version))
    if refusal is None:
        promote(client, task, version, admission)
        return
    client.set_model_version_tag(task, version, REFUSED, refusal)
    log.warning("%s: the starter does not answer: %s", task, refusal)


def export_starter(client: MlflowClient, task: str, number: str, starters: Path = STARTERS) -> Path:
    """Write a version's model, card and figures as the starter of its task; return the folder."""
    version = client.get_model_version(task, number)
    files = read_files(version)
    card = ModelCard.model_validate_json(files.card).model_copy(update={"demo": True})
    measured = read_figures(client, str(version.run_id))
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
