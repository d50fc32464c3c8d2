"""The first schema: jobs, the ledger, the mirror, the audit chain."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _column(
    name: str,
    kind: Any,
    *,
    null: bool = False,
    default: str | None = None,
    autoincrement: Literal["auto"] | bool = "auto",
) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null, server_default=default, autoincrement=autoincrement)


def _index(name: str, table: str, columns: list[str], *, where: str | None = None, unique: bool = False) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite numbers observations in ``counter``
        op.execute("CREATE SEQUENCE observation AS bigint")
    op.create_table(
        "action",
        _column("seq", SEQUENCE),
        _column("id", sa.Text),
        _column("org", sa.Text),
        _column("entity", sa.Text, null=True),
        _column("name", sa.Text),
        _column("sobject", sa.Text, null=True),
        _column("record_id", sa.Text, null=True),
        _column("caller_sub", sa.Text),
        _column("caller_kind", sa.Text),
        _column("request_key", sa.Text, null=True),
        _column("fingerprint", sa.Text),
        _column("status", sa.Text),
        _column("body", sa.LargeBinary, null=True),
        _column("plan", sa.LargeBinary, null=True),
        _column("content_hash", sa.Text, null=True),
        _column("number", sa.BigInteger, null=True),
        _column("envelope", sa.Text, null=True),
        _column("stripe_id", sa.Text, null=True),
        _column("amount_minor", sa.BigInteger, null=True),
        _column("currency", sa.Text, null=True),
        _column("error_code", sa.Text, null=True),
        _column("email_index", sa.LargeBinary, null=True),
        _column("request_id", sa.Text, null=True),
        _column("traceparent", sa.Text, null=True),
        _column("parent", sa.Text, null=True),
        _column("accepted", sa.Float),
        _column("planned", sa.Float, null=True),
        _column("ended", sa.Float, null=True),
        _column("expires", sa.Float, null=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    _index("action_email", "action", ["email_index"], where="email_index IS NOT NULL")
    _index(
        "action_open", "action", ["status", "seq"], where="status IN ('queued','pending','unknown','awaiting_approval')"
    )
    _index("action_record", "action", ["org", "record_id", "seq"])
    _index(
        "action_request_key",
        "action",
        ["org", "caller_sub", "request_key"],
        where="request_key IS NOT NULL",
        unique=True,
    )
    op.create_table(
        "audit",
        _column("seq", SEQUENCE),
        _column("org", sa.Text),
        _column("at", sa.Float),
        _column("actor", sa.Text),
        _column("act", sa.Text),
        _column("ref", sa.Text),
        _column("detail", sa.Text),
        _column("salt", sa.LargeBinary, null=True),
        _column("place", sa.BigInteger, null=True),
        _column("digest", sa.LargeBinary, null=True),
        _column("link", sa.LargeBinary, null=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    _index("audit_chain", "audit", ["org", "place"], where="place IS NOT NULL", unique=True)
    _index("audit_ref", "audit", ["ref"])
    _index("audit_unsealed", "audit", ["seq"], where="place IS NULL")
    op.create_table(
        "audit_head",
        _column("org", sa.Text),
        _column("place", sa.BigInteger),
        _column("link", sa.LargeBinary),
        _column("signature", sa.LargeBinary),
        _column("at", sa.Float),
        sa.PrimaryKeyConstraint("org"),
    )
    op.create_table(
        "circuit",
        _column("scope", sa.Text),
        _column("since", sa.Float),
        _column("next_probe", sa.Float),
        _column("error_code", sa.Text),
        _column("error", sa.Text),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "counter", _column("name", sa.Text), _column("value", sa.BigInteger), sa.PrimaryKeyConstraint("name")
    )
    op.create_table(
        "customer_link",
        _column("org", sa.Text),
        _column("entity", sa.Text),
        _column("source_id", sa.Text),
        _column("state", sa.Text),
        _column("generation", sa.SmallInteger, default="1"),
        _column("stripe_id", sa.Text, null=True),
        _column("job_id", sa.Text, null=True),
        _column("content_hash", sa.Text, null=True),
        _column("email_index", sa.LargeBinary, null=True),
        _column("changed", sa.Float),
        sa.PrimaryKeyConstraint("org", "entity", "source_id"),
    )
    _index("customer_link_stripe", "customer_link", ["entity", "stripe_id"])
    op.create_table(
        "job",
        _column("seq", SEQUENCE),
        _column("id", sa.Text),
        _column("kind", sa.Text),
        _column("lane", sa.Text),
        _column("state", sa.Text),
        _column("priority", sa.SmallInteger),
        _column("due", sa.Float),
        _column("attempts", sa.Integer, default="0"),
        _column("node", sa.BigInteger, null=True),
        _column("claim", sa.Text, null=True),
        _column("waits_for", sa.Text, null=True),
        _column("scope", sa.Text, null=True),
        _column("dirty", sa.SmallInteger, default="0"),
        _column("error_code", sa.Text, null=True),
        _column("error", sa.Text, null=True),
        _column("v", sa.SmallInteger, default="1"),
        _column("payload", sa.LargeBinary, null=True),
        _column("created", sa.Float),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    _index("job_dead", "job", ["error_code", "seq"], where="state = 'dead'")
    _index("job_held", "job", ["due"], where="state = 'held'")
    _index("job_lane_held", "job", ["lane"], where="state IN ('running','waiting')", unique=True)
    _index("job_lane_ready", "job", ["lane", "seq"], where="state = 'ready'")
    _index("job_node", "job", ["node"], where="state = 'running'")
    _index("job_ready", "job", ["priority", "seq"], where="state = 'ready'")
    _index("job_waiting", "job", ["due"], where="state = 'waiting'")
    _index("job_waits_for", "job", ["waits_for"], where="waits_for IS NOT NULL")
    op.create_table(
        "live_object",
        _column("org", sa.Text),
        _column("entity", sa.Text),
        _column("record_id", sa.Text),
        _column("kind", sa.Text),
        _column("stripe_id", sa.Text),
        _column("content_hash", sa.Text),
        _column("status", sa.Text),
        _column("action_id", sa.Text),
        _column("shown", sa.Text, null=True),
        _column("changed", sa.Float),
        sa.PrimaryKeyConstraint("org", "record_id", "kind", "stripe_id"),
        sqlite_with_rowid=False,
    )
    _index("live_object_stripe", "live_object", ["entity", "stripe_id"])
    op.create_table(
        "mirror",
        _column("org", sa.Text),
        _column("sobject", sa.Text),
        _column("key", sa.Text),
        _column("id_field", sa.Text),
        _column("parent_sobject", sa.Text, null=True),
        _column("parent_id", sa.Text, null=True),
        _column("fields", sa.LargeBinary),
        _column("version", sa.Integer),
        _column("written", sa.Integer),
        _column("number", sa.BigInteger),
        _column("state", sa.Text),
        _column("priority", sa.SmallInteger),
        _column("due", sa.Float),
        _column("dirty_since", sa.Float, null=True),
        _column("doubt", sa.Float, null=True),
        _column("attempts", sa.Integer, default="0"),
        _column("error_code", sa.Text, null=True),
        _column("error", sa.Text, null=True),
        sa.PrimaryKeyConstraint("org", "sobject", "key"),
    )
    _index("mirror_dead", "mirror", ["org", "error_code"], where="state = 'dead'")
    _index("mirror_parent", "mirror", ["org", "parent_id"])
    _index("mirror_unsent", "mirror", ["org", "priority", "due"], where="state IN ('dirty','uncertain','parked')")
    op.create_table(
        "node",
        _column("id", sa.BigInteger, autoincrement=False),
        _column("beat", sa.Float),
        _column("started", sa.Float),
        _column("host", sa.Text),
        _column("pid", sa.Integer),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "refundable",
        _column("entity", sa.Text),
        _column("charge", sa.Text),
        _column("cap", sa.BigInteger),
        _column("used", sa.BigInteger),
        _column("currency", sa.Text),
        _column("number", sa.BigInteger),
        sa.PrimaryKeyConstraint("entity", "charge"),
    )
    op.create_table(
        "reservation",
        _column("action_id", sa.Text),
        _column("entity", sa.Text),
        _column("charge", sa.Text),
        _column("amount_minor", sa.BigInteger),
        _column("state", sa.Text),
        _column("listed", sa.SmallInteger, default="0"),
        _column("stripe_id", sa.Text, null=True),
        _column("changed", sa.Float),
        sa.PrimaryKeyConstraint("action_id"),
    )
    _index("reservation_charge", "reservation", ["entity", "charge"])
    op.create_table("setting", _column("name", sa.Text), _column("value", sa.Text), sa.PrimaryKeyConstraint("name"))
    op.create_table(
        "step",
        _column("action_id", sa.Text),
        _column("n", sa.SmallInteger),
        _column("generation", sa.SmallInteger),
        _column("name", sa.Text),
        _column("state", sa.Text),
        _column("idempotency_key", sa.Text, null=True),
        _column("stripe_id", sa.Text, null=True),
        _column("request_id", sa.Text, null=True),
        _column("http_status", sa.SmallInteger, null=True),
        _column("error_code", sa.Text, null=True),
        _column("attempts", sa.SmallInteger),
        _column("saved", sa.Text, null=True),
        _column("sent", sa.Float),
        _column("ended", sa.Float, null=True),
        sa.PrimaryKeyConstraint("action_id", "n", "generation"),
        sqlite_with_rowid=False,
    )
