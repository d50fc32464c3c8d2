"""The audit chain on both databases: every tampering is found, an erasure is none."""

import asyncio

import pytest
import sqlalchemy as sa

from gateway import audit
from gateway.audit.chain import digest, link
from gateway.engine.database import transaction
from gateway.engine.schedule import begin_audit, seal_audit
from tests.support.engine import opened

KEY, OTHER_KEY = b"k" * 32, b"x" * 32
PUBLIC = audit.public_key(KEY)
ACME, BETA = "00D000000000001AAA", "00D000000000002AAA"


def act(conn, org, n):
    audit.record(
        conn, org=org, actor=f"005{n}", act="action.accepted", ref=f"act_{n}", detail={"amount": n}, at=1e9 + n
    )


def begun(url, key=KEY):
    """What a process does when it starts."""
    notary = audit.Notary(key)
    with transaction(url) as conn:
        started = notary.begin(conn, [ACME, BETA], 2e9)
    notary.remember(started)
    return notary


def seal(url, notary):
    with transaction(url) as conn:
        done = notary.seal(conn, 2e9)
    notary.remember(done)
    return done


@pytest.fixture
def notary(database_url):
    return begun(database_url)


@pytest.fixture
def sealed(database_url, notary):
    """Two orgs' chains of ten rows, sealed in two goes."""
    for start in (0, 5):
        with transaction(database_url) as conn:
            for n in range(start, start + 5):
                act(conn, ACME, n)
                act(conn, BETA, n)
        seal(database_url, notary)
    return database_url


def problems(url, public=PUBLIC, logged=()):
    with transaction(url, readonly=True) as conn:
        return audit.verify(conn, public, logged)


def tamper(url, sql):
    with transaction(url) as conn:
        conn.execute(sa.text(sql))


def test_an_untouched_chain_holds(sealed):
    assert problems(sealed) == []


def test_rows_are_sealed_once(sealed, notary):
    assert seal(sealed, notary).rows == 0
    with transaction(sealed) as conn:
        assert not audit.has_pending(conn)
        act(conn, ACME, 11)
        assert audit.has_pending(conn)
    assert seal(sealed, notary).rows == 1


FOURTH = f"org = '{ACME}' AND place = 4"


@pytest.mark.parametrize(
    ("sql", "place", "word"),
    [
        (f"UPDATE audit SET detail = '{{}}' WHERE {FOURTH}", 4, "changed"),
        (f"UPDATE audit SET actor = '005x' WHERE {FOURTH}", 4, "changed"),
        (f"UPDATE audit SET at = at + 1 WHERE {FOURTH}", 4, "changed"),
        (f"UPDATE audit SET act = 'x' WHERE {FOURTH}", 4, "changed"),
        (f"UPDATE audit SET ref = 'x' WHERE {FOURTH}", 4, "changed"),
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
    tamper(sealed, "DELETE FROM audit_head")
    with transaction(sealed) as conn:
        rows = conn.execute(sa.text("SELECT org, actor, act, ref, detail, at FROM audit ORDER BY seq")).all()
        conn.execute(sa.text("DELETE FROM audit"))
    forger = begun(sealed, OTHER_KEY)
    with transaction(sealed) as conn:
        for row in rows:
            audit.record(conn, org=row.org, actor=row.actor, act=row.act, ref=row.ref, detail={}, at=row.at)
    seal(sealed, forger)

    assert {problem.what for problem in problems(sealed)} == {"the head's signature is not by this key"}


def forge(url, org=ACME, place=4):
    """What somebody with the database and without the key can do: rewrite a row and everything that follows."""
    with transaction(url) as conn:
        conn.execute(sa.text(f"UPDATE audit SET actor = '005x' WHERE org = '{org}' AND place = {place}"))
        last = bytes(32)
        for row in conn.execute(sa.text(f"SELECT * FROM audit WHERE org = '{org}' ORDER BY place")).all():
            of_words = digest(row)
            last = link(last, row, of_words)
            values = {"digest": of_words, "link": last, "seq": row.seq}
            conn.execute(sa.text("UPDATE audit SET digest = :digest, link = :link WHERE seq = :seq"), values)
        conn.execute(sa.text(f"UPDATE audit_head SET link = :link WHERE org = '{org}'"), {"link": last})


@pytest.mark.parametrize("restarted", [False, True])
def test_a_forged_chain_is_never_signed_on(sealed, notary, restarted):
    forge(sealed)
    sealer = begun(sealed) if restarted else notary
    with transaction(sealed) as conn:
        act(conn, ACME, 11)
        act(conn, BETA, 11)

    done = seal(sealed, sealer)

    assert done.rows == 1  # the other org's
    assert "signature" in sealer.refused[ACME].what
    [problem] = problems(sealed)
    assert problem.org == ACME
    with transaction(sealed) as conn:
        assert audit.has_pending(conn)
        assert not audit.has_pending(conn, sealer.refused)


def test_a_forged_chain_under_the_old_head_is_not_signed_on(sealed, notary):
    with transaction(sealed) as conn:
        true = conn.execute(sa.text(f"SELECT link FROM audit_head WHERE org = '{ACME}'")).scalar_one()
    forge(sealed)
    with transaction(sealed) as conn:
        conn.execute(sa.text(f"UPDATE audit_head SET link = :link WHERE org = '{ACME}'"), {"link": true})
        act(conn, ACME, 11)

    assert seal(sealed, notary).rows == 0
    assert "last row" in notary.refused[ACME].what


@pytest.mark.parametrize("restarted", [False, True])
def test_a_chain_whose_head_and_places_were_taken_away_does_not_begin_anew(sealed, notary, restarted):
    tamper(sealed, f"DELETE FROM audit_head WHERE org = '{ACME}'")
    tamper(sealed, f"UPDATE audit SET place = NULL, digest = NULL, link = NULL WHERE org = '{ACME}'")

    sealer = begun(sealed) if restarted else notary
    seal(sealed, sealer)

    assert "missing" in sealer.refused[ACME].what
    [problem] = problems(sealed)
    assert "head is missing" in problem.what


def put_back(url, places):
    """Rows beyond ``places`` unsealed, and the head that was true at that time, signature and all."""
    with transaction(url) as conn:
        seqs = conn.execute(sa.text(f"SELECT seq FROM audit WHERE org = '{ACME}' AND place > {places}")).scalars().all()
        for seq in seqs:
            conn.execute(sa.text("UPDATE audit SET place = NULL, actor = '005x' WHERE seq = :seq"), {"seq": seq})


def test_an_old_signed_head_put_back_is_refused_by_the_process_that_saw_further(database_url, notary):
    head = sa.text(f"SELECT place, link, signature FROM audit_head WHERE org = '{ACME}'")
    with transaction(database_url) as conn:
        act(conn, ACME, 1)
    seal(database_url, notary)
    with transaction(database_url) as conn:
        old = conn.execute(head).one()
        act(conn, ACME, 2)
    seal(database_url, notary)
    logged = notary.heads[ACME]

    put_back(database_url, 1)
    with transaction(database_url) as conn:
        moved = f"UPDATE audit_head SET place = :place, link = :link, signature = :signature WHERE org = '{ACME}'"
        conn.execute(sa.text(moved), old._asdict())
    done = seal(database_url, notary)

    assert done.rows == 0
    assert "put back" in notary.refused[ACME].what
    # A process that starts now cannot know; whoever has the logged head can.
    seal(database_url, begun(database_url))
    assert problems(database_url) == []
    [problem] = problems(database_url, logged=[audit.Head.parse(str(logged))])
    assert (problem.place, problem.what) == (2, "the chain does not lead through the head that was logged")


def test_a_log_that_was_emptied_is_found_with_a_logged_head(sealed, notary):
    logged = notary.heads[ACME]
    tamper(sealed, f"DELETE FROM audit WHERE org = '{ACME}'")
    tamper(sealed, f"DELETE FROM audit_head WHERE org = '{ACME}'")
    begun(sealed)

    [problem] = problems(sealed, logged=[logged])

    assert problem.what == "the row of the head that was logged is missing"


def test_logged_heads_of_an_untouched_chain_fit(sealed, notary):
    assert problems(sealed, logged=list(notary.heads.values())) == []


@pytest.mark.parametrize("text", ["", "x", "00D:1", "00D:1:zz", "00D:x:" + "0" * 64, "00D:-1:" + "0" * 64, "00D:1:00"])
def test_what_is_no_head_is_not_taken_for_one(text):
    with pytest.raises(ValueError):
        audit.Head.parse(text)


def fourth(conn):
    return conn.execute(sa.text(f"SELECT seq FROM audit WHERE {FOURTH}")).scalar_one()


@pytest.fixture
def erased(sealed, notary):
    with transaction(sealed) as conn:
        audit.erase(conn, ACME, [fourth(conn)], key=KEY, actor="005admin", at=2e9)
    seal(sealed, notary)
    return sealed


def test_erasing_a_row_empties_its_words_and_keeps_the_chain_valid(erased):
    with transaction(erased, readonly=True) as conn:
        row = conn.execute(sa.text(f"SELECT actor, detail, salt FROM audit WHERE {FOURTH}")).one()
    assert tuple(row) == ("erased", "{}", None)
    assert problems(erased) == []


@pytest.mark.parametrize("change", ["actor = '005x'", "detail = '[1]'", "act = 'x'", "ref = 'x'", "at = at + 1"])
def test_an_erased_row_can_say_nothing_else(erased, change):
    tamper(erased, f"UPDATE audit SET {change} WHERE {FOURTH}")

    [problem] = problems(erased)

    assert (problem.org, problem.place) == (ACME, 4)
    assert "changed" in problem.what


@pytest.mark.parametrize("sealed_too", [False, True])
@pytest.mark.parametrize("proof", ["{}", '{"proof":"00"}', '{"proof":1}', "[]"])
def test_only_the_holder_of_the_key_can_put_an_erasure_on_record(sealed, notary, proof, sealed_too):
    tamper(sealed, f"UPDATE audit SET salt = NULL, actor = 'erased', detail = '{{}}' WHERE {FOURTH}")
    with transaction(sealed) as conn:
        audit.record(conn, org=ACME, actor="005x", act=audit.ERASED, ref=str(fourth(conn)), at=2e9)
        conn.execute(sa.text("UPDATE audit SET detail = :proof WHERE act = 'audit.erased'"), {"proof": proof})
    if sealed_too:
        seal(sealed, notary)

    [problem] = problems(sealed)

    assert (problem.place, problem.what) == (4, "the row was erased without a record of it")


def test_the_record_of_an_erasure_cannot_be_erased(erased):
    with transaction(erased) as conn:
        seq = conn.execute(sa.text("SELECT seq FROM audit WHERE act = 'audit.erased'")).scalar_one()
        audit.erase(conn, ACME, [seq], key=KEY, actor="005admin", at=2e9)

    assert problems(erased) == []


def test_erasing_what_is_not_there_leaves_no_record(sealed):
    with transaction(sealed) as conn:
        audit.erase(conn, BETA, [99999], key=KEY, actor="005admin", at=2e9)

        assert not audit.has_pending(conn)


def test_a_row_that_was_rolled_back_with_its_commit_was_never_there(database_url, notary):
    async def main():
        async with opened(database_url) as store:

            def fails(conn):
                act(conn, ACME, 1)
                raise ValueError("no")

            await asyncio.gather(
                store.write(fails), store.write(lambda conn: act(conn, ACME, 2)), return_exceptions=True
            )
            await seal_audit(store, notary)

    asyncio.run(main())

    assert problems(database_url) == []
    with transaction(database_url, readonly=True) as conn:
        assert conn.execute(sa.text("SELECT place, ref FROM audit")).all() == [(1, "act_2")]


def test_a_long_backlog_is_sealed_in_slices(database_url, notary):
    with transaction(database_url) as conn:
        for n in range(audit.SLICE + 10):
            act(conn, ACME, n)

    async def main():
        async with opened(database_url) as store:
            await seal_audit(store, notary)

    asyncio.run(main())

    assert problems(database_url) == []
    with transaction(database_url, readonly=True) as conn:
        assert not audit.has_pending(conn)


def test_two_processes_seal_one_chain(postgres_url):
    async def main():
        async with opened(postgres_url) as one, opened(postgres_url) as two:
            first, second = audit.Notary(KEY), audit.Notary(KEY)
            await asyncio.gather(begin_audit(one, first, [ACME]), begin_audit(two, second, [ACME]))
            for n in range(30):
                await (one, two)[n % 2].write(lambda conn, n=n: act(conn, ACME, n))
                await asyncio.gather(seal_audit(one, first), seal_audit(two, second))
            await seal_audit(one, first)

    asyncio.run(main())

    assert problems(postgres_url) == []
