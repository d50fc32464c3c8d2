"""Who is who in the sandbox: keys made fresh each time, an org, its users, a Stripe account."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tomlkit
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ORG = "00DSB00000000012AA"
REP = "005SB0000000001YAA"
INTEGRATION = "005SB0000000002YAA"
ADMIN = "005SB0000000003YAA"
AUTOMATION = "gateway-automation"
ACCOUNT = "acct_1SandboxNorthwind"
ENTITY = "us"
KID = "Stripe_Gateway_Sandbox"


@dataclass
class KeyPair:
    """An RSA key made for this run."""

    private: str
    public: str

    @classmethod
    def make(cls) -> KeyPair:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        return cls(private.decode(), public.decode())


@dataclass
class Identity:
    """Keys and ids of one sandbox."""

    calls: KeyPair = field(default_factory=KeyPair.make)  # Salesforce signs its calls to the gateway with it
    login: KeyPair = field(default_factory=KeyPair.make)  # the gateway logs in with it
    stripe_key: str = field(default_factory=lambda: f"sk_test_{secrets.token_hex(12)}")
    consumer_key: str = field(default_factory=lambda: f"3MVG9{secrets.token_hex(20)}")

    def write_stripe(self, folder: Path) -> Path:
        """The Stripe simulator's configuration."""
        account = {
            "id": ACCOUNT,
            "keys": [self.stripe_key],
            "name": "Northwind Bicycles",
            "country": "US",
            "currency": "usd",
        }
        return _write(folder / "stripe.json", {"accounts": [account]})

    def write_salesforce(
        self, folder: Path, *, gateway: str, audience: str, profile: str | Mapping[str, object], features: list[str]
    ) -> Path:
        """The Salesforce simulator's configuration."""
        users = [
            {
                "id": ADMIN,
                "username": "admin@northwind.example",
                "name": "Ada Admin",
                "admin": True,
                "permission_sets": ["Stripe_Gateway_Admin", "Stripe_Gateway_Rep"],
            },
            {
                "id": REP,
                "username": "rita@northwind.example",
                "name": "Rita Rep",
                "record_access": "Edit",
                "permission_sets": ["Stripe_Gateway_Rep", "Stripe_Gateway_Refunds"],
            },
            {
                "id": INTEGRATION,
                "username": "gateway@northwind.example",
                "name": "Stripe Gateway",
                "permission_sets": [f"Stripe_Gateway_Integration{part}" for part in ("", "_Orders", "_Quotes")],
            },
            {"id": "005SB0000000004YAA", "username": "left@northwind.example", "name": "Lee Left", "active": False},
        ]
        return _write(
            folder / "salesforce.json",
            {
                "org_id": ORG,
                "users": users,
                "app": {"consumer_key": self.consumer_key, "public_key": self.login.public},
                "signing": {"private_key": self.calls.private, "kid": KID},
                "gateway_url": gateway,
                "audiences": [audience],
                "profile": profile,
                "features": features,
            },
        )

    def write_gateway(self, folder: Path, *, port: int, stripe: str, salesforce: str, database: str) -> Path:
        """The gateway's own configuration; literal secrets are allowed because every address is loopback."""
        keys = {"k1": _random(), "index": _random(), "audit": _random()}
        config = {
            "server": {"host": "127.0.0.1", "port": port, "log_format": "json", "grace_seconds": 10},
            "database": {"url": database},
            "stripe": {"base_url": stripe, "rate_limits": False},
            "sealing": {"current": "k1", "keys": {"k1": keys["k1"]}, "index_key": keys["index"]},
            "audit": {"signing_key": keys["audit"]},
            "entities": {
                ENTITY: {
                    "mode": "test",
                    "account": ACCOUNT,
                    "secret_key": self.stripe_key,
                    "default_currency": "USD",
                    "time_zone": "America/New_York",
                }
            },
            "orgs": {
                "northwind": {
                    "id": ORG,
                    "mode": "test",
                    "entities": [ENTITY],
                    "automation_subjects": [AUTOMATION],
                    "keys": [{"pem": self.calls.public, "kid": KID}],
                    "salesforce": {
                        "login_url": salesforce,
                        "username": "gateway@northwind.example",
                        "consumer_key": self.consumer_key,
                        "private_key": self.login.private,
                    },
                }
            },
        }
        path = folder / "gateway.toml"
        path.touch(0o600)
        path.write_text(tomlkit.dumps(config), encoding="utf-8")
        return path


def _random() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _write(path: Path, value: object) -> Path:
    path.touch(0o600)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
    return path
