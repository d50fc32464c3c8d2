"""
One org's session: the gateway's own token (OAuth 2.0 JWT bearer), renewed once for all threads, and REST calls.

simple-salesforce is used through ``restful`` only: its record classes repeat a refused login without end, take no
timeout for writes and lose the API usage.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from gateway.connectors import Clock, without_personal_data
from gateway.connectors.salesforce_errors import fault, lost, scope
from gateway.connectors.salesforce_http import CONNECT_SECONDS, Watch, session
from gateway.errors import GatewayError, Misconfigured, Unreachable
from gateway.records import Json

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 180  # Salesforce refuses assertions that live longer than a few minutes
# What the library lets through besides its own errors: requests' errors, and its stumbling over an odd answer.
ODD = (requests.RequestException, OSError, KeyError, TypeError, ValueError)
REMEMBERED_SECONDS = 5.0  # how long a refused login answers for the threads that queued behind it


class Login(Protocol):
    """The part of an org's configuration a session needs; the key is loaded once (parsing it costs 65 ms)."""

    @property
    def login_url(self) -> str: ...
    @property
    def instance_url(self) -> str | None: ...
    @property
    def username(self) -> str: ...
    @property
    def consumer_key(self) -> str: ...
    @property
    def private_key(self) -> RSAPrivateKey: ...
    @property
    def api_version(self) -> str: ...


class Org(Protocol):
    @property
    def salesforce(self) -> Login: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One REST request, relative to the version: ``query``, ``composite/graph``, ``sobjects/Account/describe``."""

    method: str
    path: str
    params: dict[str, str] | None = None
    data: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    writes: bool = False


class Session:
    """Used by several threads at once; blocking."""

    def __init__(self, name: str, login: Login, *, clock: Clock, threads: int) -> None:
        self._name = name
        self._login = login
        self._clock = clock
        self._http = session(threads)
        self._lock = threading.Lock()
        self._client: Salesforce | None = None
        self._refused: tuple[float, str, str] | None = None
        self.usage: tuple[int, int] | None = None

    def ask(self, ask: Ask, watch: Watch, read_seconds: float) -> Json:
        """The parsed answer, fractions as Decimal, or None when there is no body. Raises our errors only."""
        with watch:
            client = self._logged_in(None, watch, read_seconds)
            try:
                return self._once(client, ask, watch, read_seconds)
            except SalesforceError as exc:
                if exc.status != 401:
                    raise fault(exc, self._name, writes=ask.writes, retry_after=watch.retry_after) from exc
            client = self._logged_in(client, watch, read_seconds)
            try:
                return self._once(client, ask, watch, read_seconds)
            except SalesforceError as exc:
                raise fault(exc, self._name, writes=ask.writes, retry_after=watch.retry_after) from exc

    def replace(self, login: Login) -> None:
        """Log in anew, and that way, with the next request."""
        with self._lock:
            self._login = login
            self._client = self._refused = None

    def close(self) -> None:
        self._http.close()

    def _once(self, client: Salesforce, ask: Ask, watch: Watch, read_seconds: float) -> Json:
        watch.sent = False
        try:
            answer = client.restful(
                ask.path,
                params=ask.params,
                method=ask.method,
                data=ask.data,
                headers={"X-PrettyPrint": "0", **ask.headers},
                timeout=(CONNECT_SECONDS, read_seconds),
                allow_redirects=False,
            )
        except ODD as exc:
            raise lost(exc, writes=ask.writes, sent=watch.sent, expired=watch.expired) from exc
        if (used := client.api_usage.get("api-usage")) is not None:
            self.usage = (used.used, used.total)
        return answer

    def _logged_in(self, stale: Salesforce | None, watch: Watch, read_seconds: float) -> Salesforce:
        """The client, with a new token if the one we hold is the stale one: one login, however many threads ask."""
        with self._lock:
            if self._client is not None and self._client is not stale:
                return self._client
            if self._refused is not None and self._clock.monotonic() < self._refused[0]:
                raise Misconfigured(self._refused[1], self._refused[2], scope=scope(self._name))
            self._client = None
            try:
                self._client = self._new_client(self._token(watch, read_seconds))
            except Misconfigured as exc:
                self._refused = (self._clock.monotonic() + REMEMBERED_SECONDS, exc.code, exc.message)
                raise
            return self._client

    def _new_client(self, answer: dict[str, Any]) -> Salesforce:
        address = (self._login.instance_url or str(answer["instance_url"])).rstrip("/")
        if urlsplit(address).scheme != "https" and not self._login.login_url.startswith("http://"):
            raise self._refusal("salesforce_login", f"it names an address without TLS: {address}")
        client = Salesforce(
            session_id=str(answer["access_token"]),
            instance_url=address,
            session=self._http,
            version=self._login.api_version,
            parse_float=Decimal,
            object_pairs_hook=dict,
        )
        client.base_url = f"{address}/services/data/v{self._login.api_version}/"  # the library forces https
        return client

    def _token(self, watch: Watch, read_seconds: float) -> dict[str, Any]:
        login = self._login
        claims = {
            "iss": login.consumer_key,
            "sub": login.username,
            "aud": login.login_url.rstrip("/"),
            "exp": int(self._clock.now()) + ASSERTION_SECONDS,
        }
        assertion = jwt.encode(claims, login.private_key, algorithm="RS256")
        try:
            response = self._http.post(
                f"{claims['aud']}/services/oauth2/token",
                data={"grant_type": GRANT, "assertion": assertion},
                timeout=(CONNECT_SECONDS, read_seconds),
                allow_redirects=False,
            )
        except (requests.RequestException, OSError) as exc:
            raise _login_away(None) from exc
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or response.status_code >= 500 or response.status_code == 429:
            raise _login_away(watch.retry_after)
        return self._granted(response.status_code, answer)

    def _granted(self, status: int, answer: dict[str, Any]) -> dict[str, Any]:
        if status != 200 or not {"access_token", "instance_url"} <= answer.keys():
            raise self._refusal(
                "salesforce_login", f"{answer.get('error', status)}: {answer.get('error_description', '')}"
            )
        return answer

    def _refusal(self, code: str, reason: str) -> GatewayError:
        message = (
            f"Salesforce does not let the gateway log in to org {self._name} ({without_personal_data(reason)}):"
            " check the username, the consumer key and the certificate, and that the app is pre-authorized for"
            " the user's permission set."
        )
        return Misconfigured(code, message, scope=scope(self._name))


def _login_away(retry_after: float | None) -> Unreachable:
    # Whatever became of the login: of the call itself nothing was done.
    message = "Salesforce's login does not answer; the gateway tries again."
    return Unreachable("salesforce_login_unavailable", message, retry_after=retry_after)
