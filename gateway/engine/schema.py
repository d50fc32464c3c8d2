"""Every table. ``job`` is the work still to do and stays small; ``action`` is the ledger and is never deleted from."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from gateway.engine.schema_jobs import Sealed, Sequence, circuit, job, metadata, node, partial, pause

__all__ = [
    "action",
    "audit",
    "audit_head",
    "circuit",
    "counter",
    "customer_link",
    "job",
    "live_object",
    "metadata",
    "mirror",
    "node",
    "pause",
    "refundable",
    "reservation",
    "setting",
    "step",
    "used_token",
]

action = Table(
    "action",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("org", Text, nullable=False),
    Column("entity", Text),
    Column("name", Text, nullable=False),
    Column("sobject", Text),
    Column("record_id", Text),
    Column("caller_sub", Text, nullable=False),
    Column("caller_kind", Text, nullable=False),
    Column("request_key", Text),
    Column("fingerprint", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("body", Sealed),  # validated members; ages out after the retention period
    Column("plan", Sealed),
    Column("content_hash", Text),
    Column("number", BigInteger),  # observation number taken with the plan
    Column("envelope", Text),  # the answer, without personal data and without what other columns hold
    Column("stripe_id", Text),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("error_code", Text),
    Column("email_index", LargeBinary),  # blind index of the recipient's e-mail
    Column("request_id", Text),
    Column("traceparent", Text),
    Column("parent", Text),  # the action this one was made for (a customer for an invoice)
    Column("accepted", Float, nullable=False),
    Column("planned", Float),  # the plan's commit, or its late beginning: lower bound of when a step was first sent
    Column("ended", Float),
    Column("expires", Float),
)
_keyed = "request_key IS NOT NULL"
_open = "status IN ('queued','pending','unknown','awaiting_approval')"
_mail = "email_index IS NOT NULL"
partial("action_request_key", action.c.org, action.c.caller_sub, action.c.request_key, where=_keyed, unique=True)
Index("action_record", action.c.org, action.c.record_id, action.c.seq)
partial("action_open", action.c.status, action.c.seq, where=_open)
partial("action_email", action.c.email_index, where=_mail)

step = Table(
    "step",
    metadata,
    Column("action_id", Text, nullable=False),
    Column("n", SmallInteger, nullable=False),
    Column("generation", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),  # unsent (certainly), sent, done, refused, unknown, skipped
    Column("idempotency_key", Text),
    Column("stripe_id", Text),
    Column("request_id", Text),
    Column("http_status", SmallInteger),
    Column("error_code", Text),
    Column("attempts", SmallInteger, nullable=False),
    Column("saved", Text),  # JSON of the holes this step fills: ids and statuses only
    Column("sent", Float, nullable=False),
    Column("ended", Float),
    PrimaryKeyConstraint("action_id", "n", "generation"),
    sqlite_with_rowid=False,
)

customer_link = Table(
    "customer_link",
    metadata,
    Column("org", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("source_id", Text, nullable=False),  # Account or Contact
    Column("state", Text, nullable=False),  # making, ready
    Column("generation", SmallInteger, nullable=False, server_default="1"),
    Column("stripe_id", Text),
    Column("job_id", Text),
    Column("content_hash", Text),
    Column("email_index", LargeBinary),  # blind index of the address Stripe mails to
    Column("changed", Float, nullable=False),
    PrimaryKeyConstraint("org", "entity", "source_id"),
)
Index("customer_link_stripe", customer_link.c.entity, customer_link.c.stripe_id)

# The live objects of a record: what the guard against doing a thing twice compares with.
live_object = Table(
    "live_object",
    metadata,
    Column("org", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # invoice, payment_link
    Column("stripe_id", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("number", BigInteger, nullable=False),  # observation the status comes from
    Column("action_id", Text, nullable=False),
    Column("shown", Text),  # JSON without personal data: number, amount, currency (for the refusal's words)
    Column("changed", Float, nullable=False),
    PrimaryKeyConstraint("org", "record_id", "kind", "stripe_id"),
    sqlite_with_rowid=False,
)
Index("live_object_stripe", live_object.c.entity, live_object.c.stripe_id)

# What may still be refunded of a charge: used + x <= cap in one statement. Minor units.
refundable = Table(
    "refundable",
    metadata,
    Column("entity", Text, nullable=False),
    Column("charge", Text, nullable=False),
    Column("cap", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("entity", "charge"),
)
reservation = Table(
    "reservation",
    metadata,
    Column("action_id", Text, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("charge", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("state", Text, nullable=False),  # held, consumed, released
    Column("listed", SmallInteger, nullable=False, server_default="0"),  # 1: Stripe's list counts it, we no longer do
    Column("stripe_id", Text),
    Column("changed", Float, nullable=False),
)
Index("reservation_charge", reservation.c.entity, reservation.c.charge)

# What Salesforce should hold, per row; the sender writes what differs.
mirror = Table(
    "mirror",
    metadata,
    Column("org", Text, nullable=False),
    Column("sobject", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("id_field", Text, nullable=False),
    Column("parent_sobject", Text),
    Column("parent_id", Text),
    Column("fields", Sealed, nullable=False),
    Column("version", Integer, nullable=False),
    Column("written", Integer, nullable=False),  # the version Salesforce is known to hold; 0 = none
    Column("number", BigInteger, nullable=False),  # observation the fields come from
    Column("state", Text, nullable=False),  # clean, dirty, uncertain (no answer, or in doubt), parked (locked), dead
    Column("priority", SmallInteger, nullable=False),
    Column("due", Float, nullable=False),
    Column("dirty_since", Float),
    Column("doubt", Float),  # an earlier write without a version may still arrive until then
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error_code", Text),
    Column("error", Text),
    PrimaryKeyConstraint("org", "sobject", "key"),
)
_unsent = "state IN ('dirty','uncertain','parked')"
partial("mirror_unsent", mirror.c.org, mirror.c.priority, mirror.c.due, where=_unsent)
Index("mirror_parent", mirror.c.org, mirror.c.parent_id)
partial("mirror_dead", mirror.c.org, mirror.c.error_code, where="state = 'dead'")

counter = Table(
    "counter", metadata, Column("name", Text, primary_key=True), Column("value", BigInteger, nullable=False)
)
# Small facts that outlive a process: clock high-water mark, learned limits, when an org was first seen.
setting = Table("setting", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

# Tokens that may be used once (a switch per org), until nobody would accept them any more.
used_token = Table(
    "used_token",
    metadata,
    Column("org", Text, nullable=False),
    Column("jti", Text, nullable=False),
    Column("expires", Float, nullable=False),
    PrimaryKeyConstraint("org", "jti"),
    sqlite_with_rowid=False,
)
Index("used_token_expires", used_token.c.expires)

# Written in the commit they describe; a sealer chains them per org a moment later.
audit = Table(
    "audit",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("org", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("act", Text, nullable=False),  # action.accepted, action.succeeded, actions.resolve …
    Column("ref", Text, nullable=False),  # the action, job or mirror row it is about
    Column("detail", Text, nullable=False),  # JSON without personal data
    Column("salt", LargeBinary),  # destroyed by erase: the digest below is HMAC(salt, row)
    Column("place", BigInteger),  # place in the org's chain, from 1; null until sealed
    Column("digest", LargeBinary),
    Column("link", LargeBinary),  # SHA-256 over the previous link and this digest
)
partial("audit_unsealed", audit.c.seq, where="place IS NULL")
_sealed = "place IS NOT NULL"
partial("audit_chain", audit.c.org, audit.c.place, where=_sealed, unique=True)
Index("audit_ref", audit.c.ref)
audit_head = Table(
    "audit_head",
    metadata,
    Column("org", Text, primary_key=True),
    Column("place", BigInteger, nullable=False),
    Column("link", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
)
