"""A card says what goes in and what comes out, also one written before there were kinds."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from serving.card import Classes, ModelCard, PhotoInput, Score
from serving.errors import ModelUnavailable
from tests.fakes import COLOURS, colour_card

FORMER = {
    "task": "room-classifier",
    "labels": [label.model_dump() for label in COLOURS],
    "input": {"height": 16, "width": 16, "mean": [0, 0, 0], "std": [255, 255, 255]},
    "temperature": 0.7,
    "confident_above": 0.9,
    "licence": "Apache-2.0",
    "backbone": "mean",
    "precision": "fp32",
    "data_version": "colours-1",
}


def test_a_card_of_the_former_flat_form_is_read() -> None:
    card = ModelCard.model_validate_json(json.dumps(FORMER))
    assert card == colour_card(temperature=0.7, confident_above=0.9)
    assert card.input_as(PhotoInput).height == 16


def test_a_card_survives_being_written_and_read() -> None:
    card = colour_card(parameters={"weights": (1.0, 2.5), "table": ((1.0,), (2.0,)), "bias": 0.5})
    assert ModelCard.model_validate_json(card.model_dump_json()) == card


@pytest.mark.parametrize(
    "change",
    [
        {"output": {"kind": "classes", "labels": FORMER["labels"], "temperature": 1.0}},
        {"output": {"kind": "poem"}},
        {"input": {"kind": "arrays", "arrays": []}},
        {"temperature": 0},
        {"colour": "red"},
    ],
)
def test_a_card_that_contradicts_itself_or_says_too_little_is_refused(
    change: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        ModelCard.model_validate(FORMER | change)


def test_both_forms_at_once_are_refused() -> None:
    card = json.loads(colour_card().model_dump_json())
    with pytest.raises(ValidationError, match="temperature"):
        ModelCard.model_validate(card | {"temperature": 2.0})


def test_an_output_of_another_kind_than_the_task_reads_is_unavailable() -> None:
    card = colour_card(output=Score(parts=("sharpness",)))
    assert card.output_as(Score).parts == ("sharpness",)
    with pytest.raises(ModelUnavailable, match="'score' where 'Classes' is needed"):
        card.output_as(Classes)


def test_the_starters_card_is_of_the_present_form() -> None:
    starter = Path(__file__).parents[2] / "registry" / "starter" / "room-classifier" / "card.json"
    assert "labels" not in json.loads(starter.read_bytes())
    assert ModelCard.model_validate_json(starter.read_bytes()).output_as(Classes).labels
