"""The starter models: what a fresh machine serves before anybody has trained anything."""

import json
import logging
from pathlib import Path

from mlflow import MlflowClient

from registry.client import open_experiment
from registry.gates import both, judge, judge_licence, read_gates
from registry.promote import promote
from registry.versions import VERDICT, log_figures, register, tag_verdict
from serving.card import ModelCard
from serving.settings import Settings

log = logging.getLogger(__name__)

STARTERS = Path(__file__).parent / "starter"


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
