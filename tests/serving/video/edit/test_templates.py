import copy
from typing import Any

import pytest
import yaml

from serving.errors import BadInput, TooLarge
from serving.render.template_files import find_template, shipped_fonts, shipped_templates
from serving.video.draw.looks import LOOKS
from serving.video.edit.templates import Template, parse_template, validate_template
from serving.video.titles.text import EAST_ASIAN

GOOD = find_template("modern").model_dump(mode="json")


def changed(path: str, value: object) -> dict[str, object]:
    template: dict[str, object] = copy.deepcopy(GOOD)
    *folders, last = path.split(".")
    place: Any = template
    for name in folders:
        place = place[int(name) if name.isdigit() else name]
    place[last] = value
    return template


def test_at_least_six_templates_come_with_the_product_and_differ() -> None:
    templates = shipped_templates()
    assert len(templates) >= 6
    characters = {
        (
            t.motion.curve,
            t.motion.tall_photos,
            t.look and t.look.name,
            t.titles.font,
            t.pacing.dwell_s,
        )
        for t in templates.values()
    }
    assert len(characters) == len(templates)
    kinds = {
        style.kind
        for t in templates.values()
        for style in (*t.transitions.ordinary, *t.transitions.new_room, *t.transitions.section)
    }
    assert len(kinds) >= 12


def test_shipped_templates_name_looks_and_fonts_that_exist() -> None:
    for name, template in shipped_templates().items():
        assert template.name == name
        assert template.look is None or template.look.name in LOOKS
        assert {template.titles.font, template.titles.text_font} <= set(shipped_fonts())


def test_fonts_stay_small() -> None:
    sizes = {name: len(data) for name, data in shipped_fonts().items()}
    assert sizes.pop(EAST_ASIAN) < 6_000_000, "twenty thousand glyphs"
    assert sum(sizes.values()) < 3_000_000


def test_a_template_survives_yaml() -> None:
    assert parse_template(yaml.safe_dump(GOOD)) == Template.model_validate(GOOD)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("pacing.dwell_s", -1, "pacing.dwell_s"),
        ("pacing.min_dwell_s", 5.0, "min_dwell_s <= dwell_s"),
        ("pacing", {"dwell_s": 3, "min_dwell_s": 2, "max_dwell_s": 3.5}, "twice"),
        ("pacing.dwell_s", float("nan"), "pacing.dwell_s"),
        ("pacing.tempo", 1, "pacing.tempo"),
        ("motion.moves", [], "motion.moves"),
        ("motion.moves", ["spin"], "zoom_in"),
        ("transitions.ordinary.0.kind", "explode", "crossfade"),
        ("transitions.ordinary.0.length_s", 0, "cut"),
        ("transitions.ordinary.0.energy", [0.9, 0.1], "low, high"),
        ("titles.colour", "red", "titles.colour"),
        ("titles.font", "comic-sans", "sans-bold"),
        ("brand.logo", "middle", "top-right"),
        ("name", "../etc", "name"),
        ("look", {"name": "a b"}, "look.name"),
    ],
)
def test_a_wrong_field_is_refused_and_named(path: str, value: object, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        validate_template(changed(path, value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n- b",
        "name: [",
        "a: &x [1]\nb: *x",
        "name: !!python/object:os.system {}",
        "\x00",
        "[" * 2000,
    ],
    ids=["empty", "list", "broken", "alias", "object", "control", "deep"],
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_template(text)


def test_a_huge_template_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        parse_template("a: " + "1" * 30_000)


def test_find_template_names_those_there_are() -> None:
    with pytest.raises(BadInput, match="luxury"):
        find_template("baroque")
