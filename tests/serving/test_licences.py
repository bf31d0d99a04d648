import pytest
from sqlalchemy import Engine

from serving.errors import ModelUnavailable
from serving.licences import LicencePolicy, strictest
from serving.models.local import LocalModels
from serving.models.slots import read_slots
from serving.storage.objects import Storage
from tests.fakes import TASK, colour_card, publish


@pytest.mark.parametrize(
    ("licence", "allowed", "taken"),
    [
        ("research", (), False),
        ("research", ("research",), True),
        ("Research", ("RESEARCH",), True),
        ("AGPL-3.0", ("research",), False),
        ("AGPL-3.0-only", (), False),
        ("CC-BY-NC-4.0", (), False),
        ("unknown", (), False),
        ("", (), False),
        ("Apache-2.0", (), True),
        ("apache-2.0", (), True),
        ("own AND CC-BY-4.0", (), True),
        ("own AND CC-BY-NC-4.0", (), False),
        ("own AND CC-BY-NC-4.0", ("CC-BY-NC-4.0",), True),
    ],
)
def test_production_takes_what_is_free_or_allowed_and_development_all(
    licence: str, allowed: tuple[str, ...], taken: bool
) -> None:
    refusal = LicencePolicy(True, allowed).refusal(licence)
    assert (refusal is None) == taken
    assert taken or "ALLOW_LICENCES" in str(refusal)
    assert LicencePolicy(False, allowed).refusal(licence) is None


def test_one_source_that_is_not_free_makes_the_weights_research() -> None:
    assert strictest(["own", "own"]) == "own"
    assert strictest(["own", "CC-BY-NC-4.0"]) == "research"


def test_a_restricted_version_published_by_somebody_else_leaves_the_old_one_answering(
    engine: Engine, storage: Storage
) -> None:
    publish(engine, storage)
    models = LocalModels(storage, licences=LicencePolicy())
    models.apply(read_slots(engine))
    restricted = publish(engine, storage, "2", card=colour_card(licence="research"))
    models.apply(read_slots(engine))
    assert models.get(TASK).version == "1"
    pin = {
        "version": "2", "slot": "champion", "model_sha256": restricted.model_sha256,
        "card_sha256": restricted.card_sha256,
    }  # fmt: skip
    with pytest.raises(ModelUnavailable, match="ALLOW_LICENCES"):
        models.pinned(TASK, pin)


def test_who_asks_while_no_model_may_answer_is_told_why(engine: Engine, storage: Storage) -> None:
    publish(engine, storage, card=colour_card(licence="research"))
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    with pytest.raises(ModelUnavailable, match=r"version 1 is not served.*ALLOW_LICENCES"):
        models.get(TASK)
