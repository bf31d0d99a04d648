"""The OpenAPI document, valid as the version it names, with every shape under a name."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

_COMPONENTS = "#/components/schemas/"
_BINARY = {"type": "string", "format": "binary"}


def operation_id(route: APIRoute) -> str:
    """Return what generated clients call the operation: the name of its function."""
    return route.name


def body_of(*media_types: str, json: type[BaseModel], example: object = None) -> dict[str, Any]:
    """Return FastAPI's `openapi_extra` for a body that the route reads itself.

    Parameters
    ----------
    media_types : of bodies that are a file's bytes; none where only JSON is taken
    json : the shape of a JSON body; `describe` puts it among the document's components
    """
    content: dict[str, Any] = {kind: {"schema": _BINARY} for kind in media_types}
    content["application/json"] = {
        # what pydantic calls `$defs` lies among the document's components
        "schema": json.model_json_schema(ref_template=_COMPONENTS + "{model}")
    }
    if example is not None:
        content["application/json"]["example"] = example
    return {"requestBody": {"required": True, "content": content}}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return FastAPI's document, valid as OpenAPI 3.1.

    Two things are put right. FastAPI describes the events of a stream by `itemSchema`, a word of
    3.2, in a document that says 3.1, where it is `schema`. And the shapes of bodies that a route
    reads itself carry their parts in `$defs`, which no `$ref` of the document reaches: they move
    to the components, each under its own name, so that generated clients have a class for it.
    """
    document = FastAPI.openapi(app)
    components = document.setdefault("components", {}).setdefault("schemas", {})
    for operation in _operations(document):
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                if "itemSchema" in content:
                    content["schema"] = content.pop("itemSchema")
        for content in operation.get("requestBody", {}).get("content", {}).values():
            if "title" in content["schema"]:
                content["schema"] = _hoist(content["schema"], components)
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _hoist(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, str]:
    """Move a shape and its parts to the components; return the reference to it."""
    parts = schema.pop("$defs", {})
    for name, part in {**parts, schema["title"]: schema}.items():
        if components.setdefault(name, part) != part:
            raise ValueError(f"two shapes of the OpenAPI document are called {name!r}")
    return {"$ref": _COMPONENTS + schema["title"]}
