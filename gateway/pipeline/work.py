"""What the stages share: the tools of the process, and one action on its way through them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from gateway import actions
from gateway.actions import Action, EntityFacts, RequestModel
from gateway.config import Config, Entity, Org
from gateway.connectors.salesforce import SalesforceConnector
from gateway.connectors.stripe import StripeConnector
from gateway.connectors.stripe_errors import not_configured
from gateway.engine import ledger
from gateway.engine.clock import Clock
from gateway.engine.store import Store
from gateway.engine.worker import Claim, Engine
from gateway.errors import Rejected
from gateway.pipeline import codec
from gateway.pipeline.shelf import Shelf
from gateway.records import Caller, Json, Plan, SourceRef, Status
from gateway.sealing import Sealer

_FAST_PATH = 2048  # plans and answers kept for jobs of this process; more than any runs at once


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What the caller gets now; ``running`` = 202, ask again at ``/v1/actions/{action_id}``. ``field`` names the member
    that a refusal is about.
    """

    action_id: str
    envelope: Mapping[str, Json]
    http_status: int = 200
    running: bool = False
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """
    Seconds. ``tries``: pauses between tries of a call while the caller waits; after them the job is put down and the
    engine takes it up again, first after ``first``, at most every ``longest``. How often is bounded by expiry.
    """

    tries: tuple[float, ...] = (0.2, 0.8)
    first: float = 0.5
    longest: float = 60.0


@dataclass
class Tools:
    """Everything the pipeline works with, made once by the composition root."""

    config: Config
    store: Store
    engine: Engine
    sealer: Sealer
    stripe: StripeConnector
    salesforce: SalesforceConnector
    clock: Clock
    observe: Callable[[str, dict[str, Json]], None]
    wake_sender: Callable[[Connection, str], None]  # in a commit: this org's mirror has something to send
    # Accepted by this process, with the token of the claim it is to run under: no need to read it back.
    warm: OrderedDict[str, tuple[str, Work]] = field(default_factory=OrderedDict)
    answers: OrderedDict[str, Answer] = field(default_factory=OrderedDict)
    own_users: dict[str, frozenset[str]] = field(default_factory=dict)  # org → users the gateway itself writes as
    ahead: Shelf = field(default_factory=Shelf)
    lines_per_call: dict[str, int] = field(default_factory=dict)  # learned per entity
    patience: Patience = field(default_factory=lambda: Patience())

    def org(self, org_id: str) -> Org:
        """The configured org of an 18-character id."""
        return next(org for org in self.config.orgs.values() if org.id == org_id)

    def entity(self, name: str) -> Entity:
        """The configured entity. Raises Misconfigured where there is none of that name."""
        if (found := self.config.entities.get(name)) is None:
            raise not_configured(name)
        return found

    def entity_facts(self, name: str) -> EntityFacts:
        """What a plan may know of it."""
        entity = self.entity(name)
        return EntityFacts(
            name=name,
            mode=entity.mode,
            time_zone=entity.time_zone,
            default_currency=entity.default_currency,
            automatic_tax=entity.automatic_tax,
            days_until_due=entity.default_days_until_due,
            lines_per_call=self.lines_per_call.get(name, 250),
        )

    def keep_warm(self, claim: Claim, work: Work) -> None:
        """Inside a write: once it is durable, whoever runs this claim need not read the work back."""

        def keep() -> None:
            self.warm[work.id] = (claim.claim, work)
            while len(self.warm) > _FAST_PATH:
                self.warm.popitem(last=False)

        self.store.after_commit(keep)

    def answer(self, answer: Answer) -> None:
        """Keep an answer for whoever waits for it in this process; bounded, the ledger holds them all."""
        self.answers[answer.action_id] = answer
        while len(self.answers) > 512:
            self.answers.popitem(last=False)


@dataclass
class Work:
    """One action on its way: what was asked, by whom, and the plan once there is one."""

    id: str
    action: Action
    request: RequestModel
    caller: Caller
    ref: SourceRef
    accepted: float
    status: Status = Status.QUEUED
    entity: str | None = None
    expires: float | None = None
    request_id: str | None = None
    request_key: str | None = None
    plan: Plan | None = None
    content_hash: str | None = None
    number: int = 0
    planned: float = 0.0
    parent: str | None = None
    email_index: bytes | None = None
    access_checked: bool = False  # that the person who asks may edit the record
    fresh_process: bool = True  # accepted by this process and not resumed: no step can have been sent before
    unsent: bool = True  # certain that no step has been sent: such an action may end by itself

    @property
    def ids(self) -> dict[str, Json]:
        """What every log line about it carries; its request's id also where the request is long answered."""
        return {"action_id": self.id, "request_id": self.request_id}

    @property
    def outbox_row(self) -> str | None:
        """The id of the row it came as."""
        return self.request_key if self.caller.kind == "outbox" else None

    @property
    def priority(self) -> int:
        """Of its job and its calls: somebody at the screen before what was queued in bulk."""
        return 2 if self.caller.kind == "outbox" else 0


def load(conn: Connection, sealer: Sealer, action_id: str) -> Work:
    """An action read back from the ledger."""
    row = ledger.by_id(conn, action_id)
    if row is None:
        raise Rejected("unknown_action", "There is no such action.", http_status=404)
    action = actions.registry()[row.name]
    body = ledger.unseal(sealer, row.body, f"action.body:{row.id}") or {}
    plan = ledger.unseal(sealer, row.plan, f"action.plan:{row.id}")
    return Work(
        id=row.id,
        action=action,
        request=codec.request(action.request, body),
        caller=Caller(row.org, row.caller_sub, row.caller_kind),
        ref=SourceRef(row.sobject, row.record_id),
        accepted=row.accepted,
        status=Status(row.status),
        entity=row.entity,
        expires=row.expires,
        request_id=row.request_id,
        request_key=row.request_key,
        plan=None if plan is None else codec.plan_from_json(plan),
        content_hash=row.content_hash,
        number=row.number or 0,
        planned=row.planned or 0.0,
        parent=row.parent,
        email_index=row.email_index,
        fresh_process=False,
        unsent=plan is None or ledger.certainly_unsent(conn, row.id),
    )
