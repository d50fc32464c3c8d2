"""A simulated org on a real port, and the real simple-salesforce talking to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from gateway.sandbox.salesforce.identifiers import suffix_of

VERSION = "65.0"
NAMESPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
CONSUMER_KEY = "3MVG9.sandbox.consumer.key"
AUDIENCE = "https://test.salesforce.com"
USERS: list[dict[str, Any]] = [
    {"id": "005Ws000001Adm1", "username": "admin@northwind.example", "name": "Sam Admin", "admin": True},
    {"id": "005Ws000001Rep1", "username": "rep@northwind.example", "name": "Rita Rep"},
    {"id": "005Ws000001Gat1", "username": "gateway@northwind.example", "name": "Stripe Gateway",
     "permission_sets": ["Stripe_Gateway_Integration", "Stripe_Gateway_Integration_Orders",
                         "Stripe_Gateway_Integration_Quotes"]},
    {"id": "005Ws000001Lef1", "username": "left@northwind.example", "name": "Lee Left", "active": False},
    {"id": "005Ws000001Dis1", "username": "dispatcher", "name": "Dora Dispatcher", "record_access": "None"},
]  # fmt: skip
ORG_ID = "00DWs0000000001"


@lru_cache(maxsize=1)
def keys() -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def full(short: str) -> str:
    return short + suffix_of(short)


def assertion(**changes: Any) -> str:
    """A JWT bearer assertion as simple-salesforce makes it: ``exp`` as text, three minutes ahead."""
    claims = {
        "iss": CONSUMER_KEY,
        "sub": "gateway@northwind.example",
        "aud": AUDIENCE,
        "exp": str(int(time.time()) + 180),
        **changes,
    }
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, keys()[0], algorithm="RS256")


class PlainHttp(HTTPAdapter):
    """simple-salesforce insists on https; on loopback its requests go out as http."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = (request.url or "").replace("https://127.0.0.1", "http://127.0.0.1", 1)
        return super().send(request, *args, **kwargs)


class World:
    """One running org: its address, its control API, sessions of its users."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.base = f"{url}/services/data/v{VERSION}"

    def control(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = requests.request(
            "GET" if body is None else "POST", f"{self.url}/_control/{path}", json=body, timeout=10
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, kind: str, **spec: Any) -> None:
        self.control("faults", {"kind": kind, **spec})

    def objects(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.control(f"objects/{name}")
        return rows

    def record(self, sobject: str, name: str) -> dict[str, Any]:
        return next(row for row in self.objects(sobject) if row.get("Name") == name or row.get("Subject") == name)

    def token_answer(self, **form: str) -> requests.Response:
        data = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", **form}
        return requests.post(f"{self.url}/services/oauth2/token", data=data, timeout=10)

    def login(self, user: str = "gateway@northwind.example") -> Salesforce:
        """simple-salesforce in direct mode, as the gateway uses it."""
        token = self.control("login", {"user": user})["access_token"]
        session = requests.Session()
        session.mount("https://127.0.0.1", PlainHttp())
        return Salesforce(session_id=token, instance_url=self.url, version=VERSION, session=session)

    def call(self, method: str, path: str, body: Any = None, *, user: str = "gateway@northwind.example",
             headers: Mapping[str, str] | None = None) -> requests.Response:  # fmt: skip
        """A bare HTTP call, where the library would hide status or headers."""
        token = self.control("login", {"user": user})["access_token"]
        given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})}
        data = None if body is None else json.dumps(body)
        return requests.request(method, f"{self.base}/{path}", data=data, headers=given, timeout=10)


Maker = Callable[..., World]


def world_json(**changes: Any) -> dict[str, Any]:
    return {
        "org_id": ORG_ID,
        "users": USERS,
        "app": {"consumer_key": CONSUMER_KEY, "public_key": keys()[1]},
        **changes,
    }


def write_field(tree: Path, sobject: str, name: str, body: str) -> None:
    """One custom field in a metadata tree of the test's own."""
    folder = tree / "main" / "core" / "objects" / sobject / "fields"
    folder.mkdir(parents=True, exist_ok=True)
    xml = f"<CustomField {NAMESPACE}><fullName>{name}</fullName><label>{name}</label>{body}</CustomField>"
    (folder / f"{name}.field-meta.xml").write_text(xml)


def write_object(tree: Path, name: str, name_field: str = "<type>Text</type>") -> None:
    folder = tree / "main" / "core" / "objects" / name
    folder.mkdir(parents=True, exist_ok=True)
    xml = f"<CustomObject {NAMESPACE}><label>{name}</label><nameField>{name_field}</nameField></CustomObject>"
    (folder / f"{name}.object-meta.xml").write_text(xml)


def write_rule(tree: Path, sobject: str, name: str, formula: str) -> None:
    folder = tree / "main" / "core" / "objects" / sobject / "validationRules"
    folder.mkdir(parents=True, exist_ok=True)
    condition = f"<errorConditionFormula>{escape(formula)}</errorConditionFormula>"
    message = f"<errorMessage>{name} failed</errorMessage>"
    body = f"<fullName>{name}</fullName><active>true</active>{condition}{message}"
    xml = f"<ValidationRule {NAMESPACE}>{body}</ValidationRule>"
    (folder / f"{name}.validationRule-meta.xml").write_text(xml)
