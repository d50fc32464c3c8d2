"""Orgs whose tokens count once: a replay is a 401 like any other, in every process and after a restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.config import Config
from gateway.engine import schedule
from gateway.engine.clock import SystemClock
from gateway.engine.schema import used_token
from gateway.engine.store import Store
from gateway.engine.used_tokens import KEPT_SECONDS, use
from gateway.web.auth import Authenticator, Unauthenticated
from tests.support.configuration import rsa_key
from tests.support.edge import Clock, configuration
from tests.support.engine import opened
from tests.support.tokens import AT, GOOD_TOKEN, LIVE_ORG, ORG, claims, header, sign

ONCE = sign(header(), claims(jti="6f1c0f4e-0001"))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Acme's tokens count once, beta's as often as they come."""
    made = configuration(tmp_path_factory.mktemp("once"))
    acme = made.orgs["acme"].model_copy(update={"one_time_tokens": True})
    return replace(made, orgs={**made.orgs, "acme": acme})


def authenticator(config: Config, store: Store, clock: Clock | None = None) -> Authenticator:
    """As the application makes it."""
    return Authenticator(
        config.orgs.values(),
        clock or Clock(),
        config.server,
        use_once=lambda org, jti, until: store.write(lambda conn: use(conn, org, jti, until)),
    )


async def ask(door: Authenticator, token: str) -> str:
    """``ok``, or the reason for the refusal."""
    try:
        await door.authenticate([(b"authorization", f"Bearer {token}".encode())])
    except Unauthenticated as exc:
        return exc.reason
    return "ok"


def test_the_second_use_is_refused_also_by_another_process_and_after_a_restart(
    config: Config, database_url: str
) -> None:
    async def main() -> list[str]:
        async with opened(database_url) as store:
            one, another = authenticator(config, store), authenticator(config, store)
            found = [await ask(one, ONCE), await ask(one, ONCE), await ask(another, ONCE)]
        async with opened(database_url) as store:
            return [*found, await ask(authenticator(config, store), ONCE)]

    assert asyncio.run(main()) == ["ok", "replayed", "replayed", "replayed"]


def test_of_fifty_at_once_one_passes(config: Config, database_url: str) -> None:
    async def main() -> list[str]:
        async with opened(database_url) as store:
            doors = [authenticator(config, store) for _ in range(2)]
            return await asyncio.gather(*(ask(doors[n % 2], ONCE) for n in range(50)))

    found = asyncio.run(main())

    assert sorted(found) == ["ok"] + ["replayed"] * 49


@pytest.mark.postgres
def test_of_two_processes_that_get_it_at_once_one_lets_it_pass(config: Config, postgres_url: str) -> None:
    async def main() -> list[str]:
        async with opened(postgres_url) as one, opened(postgres_url) as two:
            doors = [authenticator(config, store) for store in (one, two)]
            tokens = [sign(header(), claims(jti=f"j{n}")) for n in range(20)]
            return await asyncio.gather(*(ask(door, token) for token in tokens for door in doors))

    found = asyncio.run(main())

    assert sorted(found) == ["ok"] * 20 + ["replayed"] * 20


BAD_JTI = {
    "missing": (GOOD_TOKEN, "jti_missing"),
    "empty": (sign(header(), claims(jti="")), "jti_unusable"),
    "number": (sign(header(), claims(jti=7)), "jti_unusable"),
    "null": (sign(header(), claims(jti=None)), "jti_unusable"),
    "list": (sign(header(), claims(jti=["a"])), "jti_unusable"),
    "long": (sign(header(), claims(jti="x" * 257)), "jti_unusable"),
    "not_printable": (sign(header(), claims(jti="a\u00adb")), "jti_unusable"),
    "padded": (sign(header(), claims(jti=" a")), "jti_unusable"),
}


@pytest.mark.parametrize(("token", "reason"), BAD_JTI.values(), ids=BAD_JTI)
def test_a_token_without_a_usable_jti_is_refused(config: Config, sqlite_url: str, token: str, reason: str) -> None:
    async def main() -> str:
        async with opened(sqlite_url) as store:
            return await ask(authenticator(config, store), token)

    assert asyncio.run(main()) == reason


def test_a_jti_counts_whatever_else_the_token_says_and_only_for_its_org(config: Config, sqlite_url: str) -> None:
    other_life = sign(header(), claims(jti="6f1c0f4e-0001", exp=AT + 600))
    beta = sign(header(kid="beta"), claims(iss=LIVE_ORG, jti="6f1c0f4e-0001"), rsa_key("beta"))

    async def main() -> list[str]:
        async with opened(sqlite_url) as store:
            door = authenticator(config, store)
            return [await ask(door, token) for token in (ONCE, other_life, beta, beta)]

    assert asyncio.run(main()) == ["ok", "replayed", "ok", "ok"]


def test_what_is_refused_for_another_reason_uses_nothing_up(config: Config, sqlite_url: str) -> None:
    clock = Clock(AT - 3600)

    async def main() -> list[str]:
        async with opened(sqlite_url) as store:
            door = authenticator(config, store, clock)
            early = await ask(door, ONCE)
            clock.at = AT
            return [early, await ask(door, ONCE)]

    assert asyncio.run(main()) == ["not_yet_valid", "ok"]


def test_an_expired_token_is_refused_as_such_and_its_row_goes_later(config: Config, database_url: str) -> None:
    async def main() -> tuple[int, int, int]:
        clock = SystemClock()
        async with opened(database_url, clock=clock) as store:
            at = clock.now()
            for n in range(1200):
                store.write_soon(lambda conn, n=n: use(conn, ORG, f"j{n}", at + 300))  # type: ignore[misc]
            await store.write(lambda conn: use(conn, ORG, "young", at + 900))
            clock.offset = 300 + KEPT_SECONDS - 5
            await schedule.forget_tokens(store)
            kept = await count(store)
            clock.offset += 10
            await schedule.forget_tokens(store)
            left = await count(store)
            clock.offset += 700
            await schedule.forget_tokens(store)
            return kept, left, await count(store)

    assert asyncio.run(main()) == (1201, 1, 0)


async def count(store: Store) -> int:
    query = sa.select(sa.func.count()).select_from(used_token)
    return await store.read(lambda conn: int(conn.execute(query).scalar_one()))


def test_the_switch_is_off_unless_it_is_set(tmp_path: Path) -> None:
    assert not any(org.one_time_tokens for org in configuration(tmp_path).orgs.values())
