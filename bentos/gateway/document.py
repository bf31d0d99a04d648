"""The OpenAPI document as the version it names has it."""

from typing import Any

from fastapi import FastAPI


def describe(app: FastAPI) -> dict[str, Any]:
    """Return FastAPI's document, valid as OpenAPI 3.1.

    FastAPI describes the events of a stream by `itemSchema`, a word of 3.2, in a document that
    says 3.1: tools that check refuse it whole. In 3.1 it is `schema` that stands there.
    """
    document = FastAPI.openapi(app)
    for path in document["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    if "itemSchema" in content:
                        content["schema"] = content.pop("itemSchema")
    return document
