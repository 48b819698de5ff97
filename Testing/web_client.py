"""A client of the page and the API, to which every answer of the API has to be as documented."""

from __future__ import annotations

import re
from typing import Any

import httpx2
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

OWN = "http://127.0.0.1:8080"
_documents: list[dict[str, Any]] = []
_ROUTE = re.compile(r"\{\w+\}")


class Client(TestClient):
    """Holds answers of the API against its own document; redirects are not followed."""

    def __init__(self, app: Any, **more: Any) -> None:
        super().__init__(app, follow_redirects=False, **more)
        self._document = _document(app)

    def request(self, method: str, url: Any, **more: Any) -> httpx2.Response:
        answer: httpx2.Response = super().request(method, url, **more)
        path = answer.request.url.path
        if path.startswith("/api/") and not path.endswith("openapi.json"):
            self._check(method, path, answer)
        return answer

    def _check(self, method: str, path: str, answer: httpx2.Response) -> None:
        routes = [r for r in self._document["paths"] if _is_of(path, r)]
        methods = self._document["paths"][routes[0]] if routes else {}
        said = methods.get(method.lower(), {}).get("responses", {})
        found = said.get(str(answer.status_code)) or said.get("default")
        if found is None:  # no such route, or method: there is one way to say so
            found = {"content": {"application/json": {"schema": PROBLEM}}}
        schema = found["content"]["application/json"]["schema"]
        whole = schema | {"components": self._document["components"]}
        Draft202012Validator(whole).validate(answer.json())

    def form(self, path: str, **fields: str) -> httpx2.Response:
        """Send the form of a page, as a browser does: with what the page has hidden in it."""
        page = self.get("/login" if path == "/login" else "/", headers=BROWSER)
        hidden = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert hidden is not None
        return self.post(path, data={"csrf": hidden[1]} | fields, headers=BROWSER)

    def sign_in(self, token: str) -> httpx2.Response:
        """Sign in on the page."""
        return self.form("/login", token=token)


BROWSER = {"Accept": "text/html", "Origin": OWN, "Sec-Fetch-Site": "same-origin"}
PROBLEM = {
    "type": "object",
    "required": ["found", "wanted", "next"],
    "additionalProperties": False,
    "properties": {name: {"type": "string"} for name in ("found", "wanted", "next")},
}


def bearer(token: str) -> dict[str, str]:
    """The header of a program with a token."""
    return {"Authorization": f"Bearer {token}"}


def _is_of(path: str, route: str) -> bool:
    return re.fullmatch(_ROUTE.sub("[^/]+", route), path) is not None


def _document(app: Any) -> dict[str, Any]:
    """The document of the API, which is the same for all apps."""
    if not _documents:
        _documents.append(app.openapi())
    return _documents[0]
