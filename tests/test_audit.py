"""The audit chain on both databases: every tampering is found, an erasure is none."""

import asyncio

import pytest
import sqlalchemy as sa

from gateway import audit
from gateway.engine.database import transaction
from gateway.engine.schedule import seal_audit
from tests.support.engine import opened

KEY, OTHER_KEY = b"k" * 32, b"x" * 32
PUBLIC = audit.public_key(KEY)
ACME, BETA = "00D000000000001AAA", "00D000000000002AAA"


def act(conn, org, n):
    audit.record(
        conn, org=org, actor=f"005{n}", act="action.accepted", ref=f"act_{n}", detail={"amount": n}, at=1e9 + n
    )


@pytest.fixture
def sealed(database_url):
    """Two orgs' chains of ten rows, sealed in two goes."""
    for start in (0, 5):
        with transaction(database_url) as conn:
            for n in range(start, start + 5):
                act(conn, ACME, n)
                act(conn, BETA, n)
            audit.seal_pending(conn, KEY, 2e9)
    return database_url


def problems(url, public=PUBLIC):
    with transaction(url, readonly=True) as conn:
        return audit.verify(conn, public)


def tamper(url, sql):
    with transaction(url) as conn:
        conn.execute(sa.text(sql))


def test_an_untouched_chain_holds(sealed):
    assert problems(sealed) == []


def test_rows_are_sealed_once(sealed):
    with transaction(sealed) as conn:
        assert not audit.has_pending(conn)
        assert audit.seal_pending(conn, KEY, 2e9) == 0
        act(conn, ACME, 11)
        assert audit.has_pending(conn)
        assert audit.seal_pending(conn, KEY, 2e9) == 1


FOURTH = f"org = '{ACME}' AND place = 4"


@pytest.mark.parametrize(
    ("sql", "place", "word"),
    [
        (f"UPDATE audit SET detail = '{{}}' WHERE {FOURTH}", 4, "changed"),
        (f"UPDATE audit SET actor = '005x' WHERE {FOURTH}", 4, "changed"),
        (f"UPDATE audit SET at = at + 1 WHERE {FOURTH}", 4, "changed"),
        (f"DELETE FROM audit WHERE {FOURTH}", 4, "missing"),
        (f"DELETE FROM audit WHERE org = '{ACME}' AND place > 8", 9, "end"),
        (f"DELETE FROM audit WHERE org = '{ACME}'", 1, "end"),
        (f"DELETE FROM audit_head WHERE org = '{ACME}'", 10, "head"),
        (f"UPDATE audit_head SET place = 9 WHERE org = '{ACME}'", 9, "signature"),
        (f"UPDATE audit SET salt = NULL WHERE {FOURTH}", 4, "erased"),
    ],
)
def test_every_tampering_is_found_where_it_begins(sealed, sql, place, word):
    tamper(sealed, sql)

    [problem] = problems(sealed)

    assert (problem.org, problem.place) == (ACME, place)
    assert word in problem.what


def test_two_rows_that_change_places_are_found(sealed):
    for before, after in ((4, 99), (5, 4), (99, 5)):
        tamper(sealed, f"UPDATE audit SET place = {after} WHERE org = '{ACME}' AND place = {before}")

    [problem] = problems(sealed)

    assert problem.place == 4


def test_a_row_deleted_and_the_rest_moved_up_is_found(sealed):
    tamper(sealed, f"DELETE FROM audit WHERE {FOURTH}")
    for place in range(5, 11):
        tamper(sealed, f"UPDATE audit SET place = {place - 1} WHERE org = '{ACME}' AND place = {place}")

    [problem] = problems(sealed)

    assert problem.place == 4


def test_a_chain_signed_anew_with_another_key_is_found(sealed):
    tamper(sealed, f"UPDATE audit SET place = NULL WHERE org = '{ACME}'")
    tamper(sealed, f"DELETE FROM audit_head WHERE org = '{ACME}'")
    with transaction(sealed) as conn:
        audit.seal_pending(conn, OTHER_KEY, 2e9)

    [problem] = problems(sealed)

    assert "signature" in problem.what


def test_erasing_a_row_empties_its_words_and_keeps_the_chain_valid(sealed):
    with transaction(sealed) as conn:
        seq = conn.execute(sa.text(f"SELECT seq FROM audit WHERE {FOURTH}")).scalar_one()
        audit.erase(conn, ACME, [seq], actor="005admin", at=2e9)
        audit.seal_pending(conn, KEY, 2e9)

    with transaction(sealed, readonly=True) as conn:
        row = conn.execute(sa.text(f"SELECT actor, detail, salt FROM audit WHERE {FOURTH}")).one()
    assert tuple(row) == ("erased", "{}", None)
    assert problems(sealed) == []


def test_erasing_what_is_not_there_leaves_no_record(sealed):
    with transaction(sealed) as conn:
        audit.erase(conn, BETA, [99999], actor="005admin", at=2e9)

        assert not audit.has_pending(conn)


def test_a_row_that_was_rolled_back_with_its_commit_was_never_there(database_url):
    async def main():
        async with opened(database_url) as store:

            def fails(conn):
                act(conn, ACME, 1)
                raise ValueError("no")

            await asyncio.gather(
                store.write(fails), store.write(lambda conn: act(conn, ACME, 2)), return_exceptions=True
            )
            await seal_audit(store, KEY)

    asyncio.run(main())

    assert problems(database_url) == []
    with transaction(database_url, readonly=True) as conn:
        assert conn.execute(sa.text("SELECT place, ref FROM audit")).all() == [(1, "act_2")]


def test_a_long_backlog_is_sealed_in_slices(database_url):
    with transaction(database_url) as conn:
        for n in range(audit.SLICE + 10):
            act(conn, ACME, n)

    async def main():
        async with opened(database_url) as store:
            await seal_audit(store, KEY)

    asyncio.run(main())

    assert problems(database_url) == []
    with transaction(database_url, readonly=True) as conn:
        assert not audit.has_pending(conn)


def test_two_processes_seal_one_chain(postgres_url):
    async def main():
        async with opened(postgres_url) as one, opened(postgres_url) as two:
            for n in range(30):
                await (one, two)[n % 2].write(lambda conn, n=n: act(conn, ACME, n))
                await asyncio.gather(seal_audit(one, KEY), seal_audit(two, KEY))
            await seal_audit(one, KEY)

    asyncio.run(main())

    assert problems(postgres_url) == []
