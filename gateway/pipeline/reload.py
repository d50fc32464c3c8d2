"""New keys without a restart: the configuration is read again, and only its keys and secrets are taken from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace

from gateway.config import Config, ConfigProblems, Entity, Org, load
from gateway.errors import GatewayError
from gateway.observability import logs
from gateway.pipeline.accounts import check_account
from gateway.pipeline.work import Tools

_TOLD_APART = ("warnings", "overrides", "file")  # about the file, not of it
log = logs.get_logger()


async def reload(tools: Tools, known: Callable[[Iterable[Org]], None]) -> bool:
    """
    Take the file's keys and secrets; False where they are not fit, with the reason in the log: then nothing changes.

    ``known`` tells the door whose tokens to accept. What else has changed in the file waits for a restart.
    """
    try:
        found = await asyncio.to_thread(load, tools.config.file)
        taken = with_keys_of(tools.config, found)
        changed = {n: e for n, e in taken.entities.items() if e != tools.config.entities[n]}
        await _check(tools, changed)
    except ConfigProblems as exc:
        log.error("configuration.refused", problems=[str(problem) for problem in exc.problems])  # noqa: TRY400 - no trace
        return False
    except GatewayError as exc:
        log.error("configuration.refused", problems=[exc.message])  # noqa: TRY400 - as above
        return False
    tools.config = taken
    known(taken.orgs.values())
    tools.stripe.replace(taken.entities)
    tools.salesforce.replace({org.id: org for org in taken.orgs.values()})
    log.info("configuration.keys_taken", entities=sorted(changed), needs_restart=_differing(taken, found))
    return True


def with_keys_of(running: Config, found: Config) -> Config:
    """The configuration as it runs, with the other's keys where it has the same org or entity."""
    orgs = {name: _org(org, found.orgs.get(name)) for name, org in running.orgs.items()}
    entities = {name: _entity(entity, found.entities.get(name)) for name, entity in running.entities.items()}
    return replace(running, orgs=orgs, entities=entities)


def _org(running: Org, found: Org | None) -> Org:
    if found is None or (found.id, found.mode) != (running.id, running.mode):
        return running
    login = running.salesforce.model_copy(
        update={name: getattr(found.salesforce, name) for name in ("username", "consumer_key", "private_key")}
    )
    return running.model_copy(update={"key_sources": found.key_sources, "salesforce": login})


def _entity(running: Entity, found: Entity | None) -> Entity:
    if found is None or (found.account, found.mode) != (running.account, running.mode):
        return running
    names = ("secret_key", "refund_key", "webhook_secrets")
    return running.model_copy(update={name: getattr(found, name) for name in names})


async def _check(tools: Tools, changed: Mapping[str, Entity]) -> None:
    """A new key must belong to the entity's account too; raises Misconfigured."""
    if not changed:
        return
    trying = tools.stripe.beside(changed)
    try:
        await asyncio.gather(*(check_account(trying, entity) for entity in changed.values()))
    finally:
        await trying.close(0.0)


def _differing(taken: Config, found: Config) -> list[str]:
    names = [field.name for field in fields(Config) if field.name not in _TOLD_APART]
    return [name for name in names if getattr(taken, name) != getattr(found, name)]
