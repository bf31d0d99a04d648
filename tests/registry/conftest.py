from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serving.settings import Settings
from tests.fakes import colour_card, colour_model

if TYPE_CHECKING:
    from mlflow import MlflowClient

Register = Callable[..., str]


@pytest.fixture
def client(registry_settings: Settings) -> "MlflowClient":
    from registry.client import open_client

    return open_client(registry_settings)


@pytest.fixture
def register_version(client: "MlflowClient", registry_settings: Settings) -> Register:
    """Registers the colour model anew.

    `passed` is what its gates said, None: never judged; `gates` those gates, None: the standard.
    """
    from registry.admission import standard_test_set
    from registry.client import open_experiment
    from registry.judge import Verdict, digest_of, standard
    from registry.versions import TEST_SET, register, tag_verdict

    def make(
        passed: bool | None = True, gain: float = 8.0, gates: Path | None = None, **changes: object
    ) -> str:
        card = colour_card(**changes)
        experiment = open_experiment(client, registry_settings, card.task)
        run = client.create_run(experiment)
        version = register(client, run.info.run_id, colour_model(gain), card)
        if passed is not None:
            reasons = () if passed else ("test/top1 is 0.2",)
            digest = digest_of([gates] if gates else standard(card.task))
            verdict = Verdict(
                passed=passed, reasons=reasons, gates_file=str(gates), gates_digest=digest
            )
            tag_verdict(client, card.task, version, verdict)
            test_set = standard_test_set(card.task)
            client.set_model_version_tag(card.task, version, TEST_SET, str(test_set))
        return version

    return make
