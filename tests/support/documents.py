"""Answers of a running gateway held against its own documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import requests
from jsonschema import Draft202012Validator

Document = Mapping[str, Any]


class Held:
    """A document, and every operation and status whose answer was held against it."""

    def __init__(self, document: Document, *, empty_members: bool) -> None:
        self._document = document
        self._empty_members = empty_members  # whether a member without a value is told apart from one left out
        self.seen: set[tuple[str, str]] = set()

    def hold(self, method: str, path: str, answer: requests.Response) -> None:
        """AssertionError where the answer is not what the document says of it; nothing for an operation it lacks."""
        operation = self._operation(method, path.partition("?")[0])
        if operation is None:
            return
        status = str(answer.status_code)
        declared = self._deref(operation["responses"].get(status) or operation["responses"]["default"])
        kind = answer.headers["Content-Type"].partition(";")[0]
        kinds = {"application/problem+json": "application/json"} if not self._empty_members else {}
        schema = declared["content"][kinds.get(kind, kind)]["schema"]
        body = answer.json() if "json" in kind else answer.text
        if not self._empty_members:
            body = {name: value for name, value in body.items() if value is not None}
        Draft202012Validator({**schema, "components": self._document["components"]}).validate(body)
        for name in declared.get("headers", {}):
            assert name in answer.headers or answer.status_code == 200 or name == "Preference-Applied", name
        self.seen.add((operation["operationId"], status))

    def _operation(self, method: str, path: str) -> Document | None:
        paths = sorted(self._document["paths"], key=lambda template: "{" in template)
        for template in paths:
            found: Document | None = self._document["paths"][template].get(method.lower())
            if found is not None and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
                return found
        return None

    def _deref(self, node: Document) -> Document:
        for name in node.get("$ref", "#").removeprefix("#").split("/")[1:]:
            node = self._document[name] if name == "components" else node[name]
        return node
