"""One benchmark world: keys, tokens, records, bodies and the gateway's configuration, in a folder of its own."""

from __future__ import annotations

import base64
import json
import secrets
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ORG = "00D5g000004BENCEA4"
ACCOUNT = "0015g00000BenchAAB"  # the customer every invoice is for
AUTOMATION = "billing-automation"
TOKENS = 512
# Salesforce sends byte-identical tokens within a second, so a handful of requests share one.
REQUESTS_PER_TOKEN = 8
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

CONFIG = """\
[server]
port = {port}
wait_seconds = 60
max_concurrency = 512
log_format = "json"

[database]
url = "{database}"

[stripe]
base_url = "{upstream}"
rate_limits = false

[orgs.bench]
id = "{org}"
mode = "test"
keys = [{{ file = "caller.pem" }}]
entities = ["us"]
automation_subjects = ["{automation}"]

[orgs.bench.salesforce]
login_url = "{upstream}"
instance_url = "{upstream}"
username = "gateway@bench.example"
consumer_key = "bench-consumer-key"
private_key = "file:login.pem"

[entities.us]
mode = "test"
account = "acct_1BenchMark000000"
secret_key = "sk_test_bench000000000000"

[[routing]]
entity = "us"

[sealing]
current = "a"
keys = {{ a = "{sealing}" }}
index_key = "{index}"

[audit]
signing_key = "{signing}"
"""


class World:
    """Everything a round needs; the same for every variant."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self.folder = folder
        self.upstream = upstream
        caller = rsa.generate_private_key(65537, 2048)
        login = rsa.generate_private_key(65537, 2048)
        self.public_key = folder / "caller.pem"
        self.public_key.write_bytes(
            caller.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        private = folder / "login.pem"
        private.touch(0o600)
        private.write_bytes(_pem(login))
        self._signer = caller
        self._tokens = [self._token(n) for n in range(TOKENS)]
        self._tokens_at = time.time()
        self._keys = {name: _random() for name in ("sealing", "index", "signing")}

    def request(self, n: int) -> tuple[dict[str, str], bytes]:
        """Headers and body of the n-th send-invoice: three lines and the recipient in the body, no Salesforce read."""
        headers = {
            "authorization": f"Bearer {self._tokens[n // REQUESTS_PER_TOKEN % TOKENS]}",
            "content-type": "application/json",
            "idempotency-key": f"bench-{n}",
        }
        lines = [{"description": f"Line {k}", "quantity": "1", "unit_price": f"{10 + k}.50"} for k in range(3)]
        body = {
            "record_id": record_id(n),
            "account_id": ACCOUNT,
            "recipient_email": "ap@bench.example",
            "currency": "usd",
            "lines": lines,
        }
        return headers, json.dumps(body).encode()

    def customer(self) -> tuple[dict[str, str], bytes]:
        """Headers and body of the create-customer that every later invoice is for."""
        body = {"record_id": ACCOUNT, "recipient_email": "ap@bench.example"}
        headers = {"authorization": f"Bearer {self._tokens[0]}", "content-type": "application/json"}
        return headers, json.dumps(body).encode()

    def config(self, name: str, port: int, database: str) -> Path:
        """A configuration file for ``gateway serve``."""
        path = self.folder / f"{name}.toml"
        path.touch(0o600)
        path.write_text(
            CONFIG.format(
                port=port, database=database, upstream=self.upstream, org=ORG, automation=AUTOMATION, **self._keys
            )
        )
        return path

    def fresh_tokens(self) -> None:
        """Sign anew when the tokens are about to expire; between rounds, never inside one."""
        if time.time() - self._tokens_at > 300:
            self._tokens = [self._token(n) for n in range(TOKENS)]
            self._tokens_at = time.time()

    def _token(self, n: int) -> str:
        now = int(time.time())
        claims = {"iss": ORG, "sub": AUTOMATION, "aud": "stripe-gateway", "iat": now, "exp": now + 880, "n": n}
        return jwt.encode(claims, self._signer, algorithm="RS256", headers={"kid": "bench"})


def record_id(n: int) -> str:
    """The n-th Opportunity, 15 characters."""
    digits = ""
    while n:
        n, digit = divmod(n, 62)
        digits = BASE62[digit] + digits
    return f"0065g{digits:0>10}"


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _random() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
