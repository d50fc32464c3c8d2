"""The job table under any interleaving: each job ends once, a lane has one holder, a stale claim changes nothing."""

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from gateway.engine import jobs, turns
from gateway.engine.circuit import close_circuit, open_circuit
from gateway.engine.clock import SystemClock, now
from gateway.engine.database import engine
from gateway.engine.entering import Job, enter_queued, enter_running
from gateway.engine.lanes import NEVER, Fenced, Holder
from gateway.engine.schema import circuit, job
from gateway.engine.settle import settle
from gateway.engine.verdicts import Dead, Done, Retry, Snooze, WaitFor

LANES = st.sampled_from(["a", "b", "c"])
NODES = st.sampled_from([1, 2])
NUMBERS = st.integers(0, 11)
SCOPE = "stripe:us"
SCOPES = st.sampled_from([None, None, SCOPE])
HOWS = st.sampled_from(["now", "now", "now", "held", "later"])


class Jobs(RuleBasedStateMachine):
    """Two processes on one table. ``claims`` are what they believe they hold, stale ones included."""

    claims = Bundle("claims")

    def __init__(self, made: sa.Engine, clock: SystemClock) -> None:
        super().__init__()
        self.made, self.clock = made, clock
        self.entered: set[str] = set()
        self.ends: list[str] = []
        self.fresh = 0
        with self.made.begin() as conn:
            conn.execute(sa.delete(job))
            conn.execute(sa.delete(circuit))

    def some(self, number):
        """One of the jobs that were ever entered."""
        return f"j{number % max(len(self.entered), 1)}"

    def holder(self, node):
        self.fresh += 1
        return Holder(node, f"{node}.{self.fresh}")

    @rule(target=claims, lane=LANES, node=NODES, here=st.booleans(), how=HOWS, scope=SCOPES)
    def enter(self, lane, node, here, how, scope):
        job_id = f"j{len(self.entered)}"
        self.entered.add(job_id)
        with self.made.begin() as conn:
            due = self.clock.now() + 30.0 if how == "later" else 0.0
            entered = Job(job_id, "k", lane, due=due, state="held" if how == "held" else "ready", scope=scope)
            if here and how == "now":
                claim = enter_running(conn, entered, self.holder(node), now(conn))
                if claim is not None:
                    return claim
            assert enter_queued(conn, entered, now(conn))
            assert not enter_queued(conn, entered, now(conn))
        return multiple()

    @rule(target=claims, node=NODES, slots=st.integers(1, 4))
    def look_for_work(self, node, slots):
        with self.made.begin() as conn:
            found = turns.look(conn, now(conn), slots=slots)
            return multiple(*turns.claim(conn, found, self.holder(node), now(conn)))

    verdicts = st.sampled_from(["done", "done", "retry", "snooze", "leave", "wait", "dead"])

    @rule(target=claims, claim=consumes(claims), verdict=verdicts, other=NUMBERS, stopping=st.booleans())
    def settle(self, claim, verdict, other, stopping):
        """Stale or not: a stale claim must change nothing."""
        before = self.table()
        answers = {
            "done": Done(),
            "retry": Retry("x", "y", after=1.0),
            "snooze": Snooze(1.0),
            "leave": Snooze(1.0, keep_lane=False),
            "wait": WaitFor(self.some(other)) if self.some(other) != claim.id else Done(),
            "dead": Dead("x", "y"),
        }
        node = int(claim.claim.split(".")[0])
        stood = before.get(claim.id, {}).get("claim") == claim.claim
        try:
            with self.made.begin() as conn:
                settled = settle(conn, claim, answers[verdict], None if stopping else self.holder(node))
        except Fenced:
            assert not stood
            assert self.table() == before
            return multiple()
        assert stood
        if settled.ended and isinstance(answers[verdict], Done):
            self.ends.append(claim.id)
        return multiple(*([settled.following] if settled.following else []))

    @rule(number=NUMBERS)
    def stir(self, number):
        with self.made.begin() as conn:
            jobs.stir_standing(conn, Job(self.some(number), "k", "a"), now(conn))

    @rule(number=NUMBERS, change=st.sampled_from([jobs.release, jobs.replay]))
    def release_or_replay(self, number, change):
        with self.made.begin() as conn:
            change(conn, self.some(number))

    @rule(number=NUMBERS)
    def cancel(self, number):
        with self.made.begin() as conn:
            if jobs.remove(conn, self.some(number)):
                self.ends.append(self.some(number))

    @rule(target=claims, node=NODES, heir=NODES)
    def crash(self, node, heir):
        """The dead one's claims stay in the bundle: a process that only seemed dead settles them later."""
        with self.made.begin() as conn:
            turns.fall_back(conn, node)
            found = turns.look(conn, now(conn), slots=4)
            return multiple(*turns.claim(conn, found, self.holder(heir), now(conn)))

    @rule(seconds=st.sampled_from([0.5, 5.0, 65.0]))
    def time_passes(self, seconds):
        self.clock.offset += seconds

    @rule(away=st.booleans())
    def the_upstream_goes_away_or_comes_back(self, away):
        with self.made.begin() as conn:
            open_circuit(conn, SCOPE, "x", "y") if away else close_circuit(conn, SCOPE)

    def table(self):
        with self.made.begin() as conn:
            return {row["id"]: dict(row) for row in conn.execute(sa.select(job)).mappings()}

    @invariant()
    def a_lane_has_one_holder(self):
        held = [row["lane"] for row in self.table().values() if row["state"] in {"running", "waiting"}]
        assert len(held) == len(set(held))

    @invariant()
    def each_job_is_in_the_table_or_has_ended_once(self):
        rows = self.table()
        assert len(self.ends) == len(set(self.ends))
        assert set(rows) | set(self.ends) == self.entered
        assert not set(rows) & set(self.ends)

    @invariant()
    def a_running_row_is_claimed_and_no_other_is(self):
        for row in self.table().values():
            claimed = row["claim"] is not None
            assert claimed == (row["state"] == "running") == (row["node"] is not None)

    def teardown(self):
        """Whatever happened: with time and a process that works, everything ends, but what a human must release."""
        with self.made.begin() as conn:
            close_circuit(conn, SCOPE)
            turns.fall_back(conn, 1)
            turns.fall_back(conn, 2)
        for _ in range(3 * len(self.entered) + 3):
            self.clock.offset += 100.0
            with self.made.begin() as conn:
                found = turns.look(conn, now(conn), slots=10)
                for claim in turns.claim(conn, found, self.holder(1), now(conn)):
                    if settle(conn, claim, Done(), None).ended:
                        self.ends.append(claim.id)
        left = [row for row in self.table().values() if row["state"] != "dead" and row["due"] < NEVER]
        assert left == []
        assert len(self.ends) == len(set(self.ends))


def test_any_interleaving_keeps_the_job_table_sound(database_url):
    clock = SystemClock()
    made = engine(database_url, clock)
    sqlite = database_url.startswith("sqlite")
    config = settings(
        max_examples=50 if sqlite else 15,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )

    run_state_machine_as_test(lambda: Jobs(made, clock), settings=config)
    made.dispose()
