"""What a configuration says, checked and frozen. Secrets are loaded; nothing reads the environment afterwards."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from gateway.config.inbound import KeySource
from gateway.config.jwks import MOST_KEYS
from gateway.config.keys import InboundKey
from gateway.config.problems import Problem
from gateway.config.values import (
    Address,
    ApiName,
    Currency,
    CustomFieldName,
    DatabaseAddress,
    FieldPath,
    Lenient,
    Model,
    Name,
    Organization,
    PrivateKey,
    Resolved,
    SecretKey,
    SecretText,
    StripeAccount,
    TimeZone,
    normal_issuer,
    settle,
    with_password,
    without_password,
)

Mode = Literal["test", "live"]

OBJECTS = ("Account", "Contact", "Opportunity", "Order", "Quote", "Case")


class Server(Model):
    """How the gateway listens and what it accepts."""

    host: Resolved = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 in a container")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    public_url: Address | None = Field(None, description="Address Salesforce reaches it at")
    allowed_hosts: Annotated[tuple[str, ...], Lenient] = Field(
        (), description="Host names a request may name; empty = any one valid host"
    )
    audience: Resolved = Field("stripe-gateway", min_length=1, description="`aud` that inbound tokens must carry")
    max_token_seconds: int = Field(900, ge=10, le=3600, description="Longest life (`exp` - `iat`) of a token")
    leeway_seconds: int = Field(30, ge=0, le=120, description="How far Salesforce's clock and ours may differ")
    wait_seconds: float = Field(
        8.0, ge=0, le=110, description="How long a caller waits for the answer by default; Apex gives up after 10 s"
    )
    max_body_bytes: int = Field(262_144, ge=1024, le=4_194_304, description="Largest request body")
    max_headers: int = Field(64, ge=16, le=256, description="Most header lines of a request")
    max_header_bytes: int = Field(32_768, ge=8192, le=65_536, description="Most bytes of all headers together")
    read_deadline_seconds: float = Field(10.0, gt=0, le=60, description="A body must have arrived by then")
    max_concurrency: int = Field(256, ge=1, le=10_000, description="Requests at a time; more are answered 503")
    grace_seconds: float = Field(15.0, ge=0, le=300, description="Time to finish when the process is asked to stop")
    traces_url: Address | None = Field(
        None, description="OTLP (HTTP) address of a trace collector, `…/v1/traces`; needs the extra `otel`"
    )
    log_format: Literal["json", "console"] = Field("json", description="`json` for machines, `console` for people")


class Database(Model):
    """Where the ledger lives."""

    url: DatabaseAddress = Field(
        "sqlite:///var/gateway.db",
        repr=False,
        description="`sqlite:///path` (one process) or `postgresql://user@host/name` (any number); or env:NAME",
    )
    password: SecretText | None = Field(None, description="PostgreSQL password, if not part of an env:NAME url")

    @property
    def shown(self) -> str:
        """The address without its password."""
        return without_password(self.url)

    @model_validator(mode="after")
    def _fill_in(self) -> Database:
        if self.password and self.url.startswith("postgresql:"):
            settle(self, url=with_password(self.url, self.password.reveal()))
        return self


class StripeUpstream(Model):
    """Where Stripe is."""

    base_url: Address = Field("https://api.stripe.com", description="Another one only for a simulator or a proxy")
    rate_limits: bool = Field(True, description="Stay below Stripe's limits; false only to measure on a simulator")


class Login(Model):
    """How the gateway logs in to write back (OAuth 2.0 JWT bearer)."""

    login_url: Address = Field(
        "https://login.salesforce.com",
        description="`https://test.salesforce.com` for a sandbox, or the org's own `https://….my.salesforce.com`",
    )
    instance_url: Address | None = Field(None, description="Only to overrule what the login answers")
    username: Resolved = Field(min_length=1, max_length=80, description="The integration user")
    consumer_key: Resolved = Field(min_length=8, max_length=256, description="Of the external client app")
    private_key: PrivateKey = Field(description="RSA key whose certificate the external client app knows")
    api_version: str = Field("65.0", pattern=r"^[6-9][0-9]\.0$", description="REST version; 60.0 or newer")

    @property
    def is_sandbox(self) -> bool:
        """By the address, which says so at a sandbox's own domain too."""
        host = urlsplit(self.login_url).hostname or ""
        return host == "test.salesforce.com" or ".sandbox." in host


class Org(Model):
    """A Salesforce org that may call."""

    name: Name = Field(description="")
    id: Organization = Field(description="Organization id (Setup → Company Information), 15 or 18 characters")
    mode: Mode = Field(description="`live` for production, `test` for everything else")
    issuer: Resolved = Field("", description="`iss` of its tokens; default: the organization id")
    key_sources: Annotated[tuple[KeySource, ...], Lenient] = Field(
        alias="keys", min_length=1, max_length=MOST_KEYS, description="One to four keys its tokens are signed with"
    )
    entities: Annotated[tuple[str, ...], Lenient] = Field(min_length=1, description="Entities it may use, by name")
    automation_subjects: Annotated[frozenset[Annotated[str, Field(min_length=1, max_length=128)]], Lenient] = Field(
        frozenset(), description="`sub` of named principals (unattended flows); people come as their user id"
    )
    one_time_tokens: bool = Field(
        False,
        description="Accept each token once, by its `jti`: only where a new one is signed for every request (Apex with "
        "`Auth.JWT`); a named credential repeats its tokens and has no `jti`",
    )
    objects: Annotated[tuple[ApiName, ...], Lenient] = Field(
        OBJECTS, min_length=1, description="Objects whose records may be named in a request"
    )
    salesforce: Login = Field(description="Write-back login")

    @property
    def keys(self) -> tuple[InboundKey, ...]:
        """Every key of every source, in the order of the file."""
        return tuple(
            replace(key, place=place) for place, source in enumerate(self.key_sources) for key in source.loaded
        )

    @model_validator(mode="after")
    def _fill_in(self) -> Org:
        settle(self, issuer=normal_issuer(self.issuer or self.id))
        return self


class Entity(Model):
    """A legal entity: one Stripe account in one mode."""

    name: Name = Field(description="")
    mode: Mode = Field(description="`live` or `test`; must fit the keys and the orgs that use it")
    account: StripeAccount = Field(description="`acct_…` its keys belong to; a key of another one is refused at start")
    secret_key: SecretText = Field(description="Stripe key, `rk_…` preferred")
    refund_key: SecretText | None = Field(
        None, description="Another key for refunds, so that the first needs no such scope"
    )
    webhook_secrets: Annotated[tuple[SecretText, ...], Lenient] = Field(
        (), max_length=5, description="Reserved: the gateway does not take events from Stripe yet; leave it out"
    )
    stripe_account: StripeAccount | None = Field(None, description="Connected account to act for (Connect)")
    stripe_context: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_/]{1,200}$", description="Account to act for with an organization key"
    )
    time_zone: TimeZone = Field("UTC", description="Where its days begin: due dates, months")
    default_currency: Currency | None = Field(None, description="For records without a currency of their own")
    automatic_tax: bool = Field(False, description="Let Stripe Tax work out the tax")
    default_days_until_due: int = Field(30, ge=0, le=365, description="Payment term where none is given")


class When(Model):
    """All that is given must hold; nothing given = the default."""

    org: str | None = Field(None, description="Name of an org")
    sobject: ApiName | None = Field(None, description="API name of the source object")
    field: FieldPath | None = Field(None, min_length=1, description="A field of the record, compared with `equals`")
    equals: str | Annotated[tuple[str, ...], Lenient] | None = Field(None, description="One value, or a list of them")
    currency: Currency | None = Field(None, description="ISO code of the record's currency")
    record_type: str | None = Field(None, description="Developer name of the record type, e.g. `Wholesale`")


class Route(Model):
    """Which entity bills which records. Rules that lead to different entities for one record are refused."""

    when: When = Field(When(), description="What must hold")
    entity: str = Field(description="Name of the entity")


class Mapping(Model):
    """Fields of one source object, where your org keeps what is needed elsewhere. What a request sends stands above."""

    po_number: FieldPath = Field("", description="Purchase order number, shown on the invoice")
    reference: FieldPath = Field("", description="Your reference, shown on the invoice")
    currency: FieldPath = Field(
        "", description="ISO currency code; where it is empty or not mapped: `CurrencyIsoCode`, if the org has it"
    )
    bill_to: FieldPath = Field("", description="Relationship to the Contact who is billed, e.g. `Billing_Contact__r`")
    due_date: FieldPath = Field("", description="Date, or date and time, the invoice is due")

    lookup: CustomFieldName | None = Field(
        None, description="For an object of your own: the lookup to it that you added to our objects, e.g. `Project__c`"
    )

    @property
    def fields(self) -> dict[str, str]:
        """Ours → Salesforce's, only those that are mapped to be read."""
        return {ours: theirs for ours, theirs in self if theirs and ours != "lookup"}


class SealingKeys(Model):
    """Keys that stored payloads and personal data are encrypted with (AES-256-GCM)."""

    current: Name = Field(description="Id of the key that seals from now on; the others only open")
    keys: Map[Name, SecretKey] = Field(
        min_length=1,
        max_length=20,
        description="Key id → 32 bytes in base64; or one env:NAME / file:PATH with lines `id=base64`, in which `index` "
        "and `audit` stand for the two keys below",
    )
    index_key: SecretKey = Field(description="For blind indexes (finding by e-mail or id); never changes")

    def bytes_by_id(self) -> dict[str, bytes]:
        """For the sealer."""
        return {key_id: key.reveal() for key_id, key in self.keys.items()}


class Audit(Model):
    """The audit log's chain."""

    signing_key: SecretKey = Field(description="Signs the heads of the chain: 32 bytes in base64")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; ``overrides`` tells which keys an environment variable decided."""

    server: Server
    database: Database
    stripe: StripeUpstream
    orgs: Map[str, Org]
    entities: Map[str, Entity]
    routing: tuple[Route, ...]
    mappings: Map[str, Mapping]
    sealing: SealingKeys
    audit: Audit
    warnings: tuple[Problem, ...] = ()
    overrides: Map[str, str] = field(default_factory=dict)
    file: str = ""
