"""With a hundred thousand rows of everything, each statement of the hot path still finds its rows by an index."""

import asyncio

import pytest
import sqlalchemy as sa

from gateway import audit
from gateway.engine import jobs, ledger, mirror, pauses, schema
from gateway.engine.circuit import close_circuit, open_circuit, open_circuits
from gateway.engine.clock import remember
from gateway.engine.database import transaction
from gateway.engine.schedule import age_out
from gateway.engine.worker import Dead, Done, Job, Retry, Snooze, WaitFor
from gateway.records import SourceRef, Upsert
from gateway.sealing import Sealer
from tests.support.engine import running, until, wait_gone

MANY = 100_000
SEALER = Sealer({"k": bytes(32)}, "k", bytes(32))
RECORD = SourceRef("Opportunity", "006000000000001AAA")
# Small by nature: what is open or set, never what was.
SMALL = ("circuit", "setting", "counter", "node", "audit_head", "alembic_version", "sqlite_master", "pause")


@pytest.fixture(scope="module")
def grown(tmp_path_factory, sqlite_template):
    path = tmp_path_factory.mktemp("grown") / "gateway.db"
    path.write_bytes(sqlite_template)
    url = f"sqlite:///{path}"
    with transaction(url) as conn:
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) "
        fill = conn.exec_driver_sql
        fill(
            "INSERT INTO job (id, kind, lane, state, priority, due, error_code, created)"
            f" {numbers} SELECT 'dead' || i, 'k', 'lane' || i, 'dead', 2, 1.0, 'code' || (i % 50), 1.0 FROM n"
        )
        fill(
            "INSERT INTO action (id, org, name, record_id, caller_sub, caller_kind, request_key, fingerprint, status,"
            " accepted) "
            f"{numbers} SELECT 'act' || i, 'o', 'send-invoice', 'r' || (i % 50000), 's', 'person', 'k' || i, 'f',"
            " 'succeeded', 1.0 FROM n"
        )
        fill(
            "INSERT INTO mirror (org, sobject, key, id_field, parent_sobject, parent_id, fields, version, written,"
            f" number, state, priority, due) {numbers} SELECT 'o', 'Stripe_Invoice__c', 'k' || i, 'Stripe_Key__c',"
            " 'Opportunity', 'r' || (i % 50000), x'00', 1, 1, 1, 'clean', 0, 0.0 FROM n"
        )
        fill(
            "INSERT INTO audit (org, at, actor, act, ref, detail, place, digest, link)"
            f" {numbers} SELECT 'o', 1.0, 'a', 'x', 'act' || i, '{{}}', i, x'00', x'00' FROM n"
        )
        fill(
            "INSERT INTO step (action_id, n, generation, name, state, attempts, sent)"
            f" {numbers} SELECT 'act' || i, 0, 1, 'create', 'done', 1, 1.0 FROM n"
        )
    return url


def plans(url, statements):
    """The query plan of each statement that was executed, without those of EXPLAIN itself."""
    with transaction(url) as conn:
        for sql, parameters in statements:
            rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).all()
            yield sql, [row.detail for row in rows]


# An index of which only these leading columns are used leaves most of a table to be read.
COARSE = ("mirror_parent (org=?)", "sqlite_autoindex_mirror_1 (org=?)", "action_record (org=?)", "audit_chain (org=?)")


def reads_everything(detail):
    words = detail.split()
    scans = words[0] == "SCAN" and words[1] not in (*SMALL, "CONSTANT")
    return (scans and "INDEX" not in words) or detail.endswith(COARSE)


@pytest.fixture
def watched():
    """Every statement that reaches SQLite while the test runs, with its values in place."""
    seen = set()

    def note(statement):
        if statement.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
            seen.add(statement)

    def watch(raw, _record):
        raw.set_trace_callback(note)

    sa.event.listen(sa.pool.Pool, "connect", watch)
    yield seen
    sa.event.remove(sa.pool.Pool, "connect", watch)


def live_through_everything(url):
    """Each verdict, wake, circuit, recovery and look for work that the engine has."""
    first_time = set()

    async def handle(claim):
        verdicts = {
            "retry": Retry("x", "y"),
            "snooze": Snooze(0.01),
            "leave": Snooze(0.01, keep_lane=False),
            "wait": WaitFor("retry"),
            "die": Dead("fresh", "y"),
        }
        if claim.id in verdicts and claim.id not in first_time:
            first_time.add(claim.id)
            return verdicts[claim.id]
        return Done()

    async def main():
        async with running(url, {"k": handle}) as engine:
            entered = [Job(name, "k", f"l-{name}", scope="s") for name in ("retry", "snooze", "leave", "wait", "die")]
            held = Job("held", "k", "l-held", state="held")
            await engine.store.write(lambda conn: [engine.enqueue(conn, job) for job in [*entered, held]])
            await engine.store.write(
                lambda conn: [engine.enqueue(conn, Job(f"q{n}", "k", "one lane")) for n in range(3)]
            )
            await engine.store.write(lambda conn: engine.stir(conn, Job("stirred", "k", "l-stirred")))
            await engine.wait("die", 10)
            await engine.store.write(lambda conn: (jobs.release(conn, "held"), jobs.replay(conn, "die")))
            await engine.store.write(lambda conn: open_circuit(conn, "s", "x", "y", probe_after=0.0))
            await engine.store.write(lambda conn: engine.enqueue(conn, Job("probe", "k", "l-probe", scope="s")))
            await engine.store.read(open_circuits)
            await until(lambda: "s" not in engine.open_scopes)
            await engine.store.write(lambda conn: close_circuit(conn, "s"))
            await engine.store.write(lambda conn: pauses.begin(conn, "org:o", "ops", None))
            await engine.store.read(lambda conn: (pauses.held(conn), pauses.of_job(conn, "q2")))
            await engine.store.write(lambda conn: pauses.end(conn, "org:o", {"outbox": 9.0}, 1.0))
            await engine.pump.drop_orphans()
            for name in ("retry", "snooze", "leave", "wait", "die", "held", "q2", "stirred", "probe"):
                await wait_gone(engine, name)
            await engine.store.read(lambda conn: jobs.dead_letters(conn, "code7", limit=10))
            await engine.store.write(remember)

    asyncio.run(main())


def use_the_mirror(url):
    rows = [
        Upsert("Stripe_Invoice__c", "us:in_1", {"A": 1}, RECORD),
        Upsert("Opportunity", RECORD.record_id, {"B": 1}, RECORD, id_field="Id"),
    ]
    with transaction(url) as conn:
        for number in (1, 2, 3):
            changed = [Upsert(row.sobject, row.key, {"C": number // 2}, row.parent, row.id_field) for row in rows]
            mirror.merge(conn, SEALER, "o", changed, number=number, now=1.0, priority=0)
        mirror.children_of(conn, SEALER, "o", RECORD)
        unsent = mirror.unsent(conn, SEALER, "o", 100, 10.0)
        mirror.backlog(conn, "o")
        mirror.mark_sending(conn, unsent, 5.0)
        mirror.mark_failed(conn, unsent[0], "x", "y", state="dead")
        mirror.replay(conn, "o", unsent[0].sobject, unsent[0].key, 1.0)
        mirror.mark_written(conn, unsent, 5.0)
        mirror.mark_unclear(conn, unsent, 9.0)
        mirror.left_behind(conn, "o")
        mirror.take_up(conn, "o")


def use_the_ledger_and_the_audit(url):
    notary = audit.Notary(b"k" * 32)
    with transaction(url) as conn:
        notary.remember(notary.begin(conn, ["fresh", "o"], 1.0))
        ledger.by_key(conn, "o", "s", "k77")
        ledger.by_id(conn, "act77")
        ledger.running_equal(conn, "o", "r77", "send-invoice", "f")
        ledger.steps(conn, "act77")
        audit.record(conn, org="fresh", actor="a", act="x", ref="r", at=1.0)
        audit.has_pending(conn)
        audit.has_pending(conn, {"o"})
        assert notary.seal(conn, 1.0).rows == 1
        age_out(conn, 0.5)


@pytest.mark.parametrize("use", [live_through_everything, use_the_mirror, use_the_ledger_and_the_audit])
def test_no_statement_reads_a_growing_table_from_end_to_end(grown, watched, use):
    use(grown)

    found = dict(plans(grown, [(statement, ()) for statement in watched]))
    assert len(found) >= 8
    assert {sql: plan for sql, plan in found.items() if any(reads_everything(line) for line in plan)} == {}


def test_the_check_above_can_fail(grown):
    statements = [("SELECT id FROM job WHERE error = ?", ("x",)), ("SELECT key FROM mirror WHERE org = ?", ("x",))]

    for _, plan in plans(grown, statements):
        assert any(reads_everything(line) for line in plan)


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        ("SELECT seq FROM job WHERE state = 'ready' ORDER BY priority, seq LIMIT 5", "job_ready"),
        ("SELECT seq FROM job WHERE lane = 'x' AND state = 'ready' ORDER BY seq LIMIT 1", "job_lane_ready"),
        ("SELECT seq FROM job WHERE lane = 'x' AND state IN ('running','waiting')", "job_lane_held"),
        ("SELECT seq FROM job WHERE state = 'waiting' AND due <= 5 ORDER BY due", "job_waiting"),
        ("SELECT seq FROM job WHERE state = 'held' AND due <= 5 ORDER BY due", "job_held"),
        ("SELECT seq FROM job WHERE state = 'running' AND node = 5", "job_node"),
        ("SELECT seq FROM job WHERE waits_for = 'x'", "job_waits_for"),
        ("SELECT seq FROM job WHERE paused_by = 'x'", "job_paused"),
        ("SELECT seq FROM job WHERE state = 'dead' AND error_code = 'x' ORDER BY seq", "job_dead"),
    ],
)
def test_each_index_serves_the_question_it_was_made_for(grown, sql, index):
    [(_, plan)] = plans(grown, [(sql, ())])

    assert any(index in line for line in plan)
    assert not any("TEMP B-TREE" in line for line in plan)


def test_every_index_of_the_job_table_is_accounted_for():
    named = {index.name for index in schema.job.indexes}

    assert named == {
        "job_ready",
        "job_paused",
        "job_lane_ready",
        "job_lane_held",
        "job_waiting",
        "job_held",
        "job_node",
        "job_waits_for",
        "job_dead",
    }
