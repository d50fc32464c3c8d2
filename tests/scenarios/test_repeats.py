"""A repeat gets the first answer, whatever the configuration says by now; the same key with another body does not."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from gateway.errors import Rejected
from gateway.pipeline.accept import Answer
from tests.scenarios.lab import Lab, ask

ASKED = {"record_id": "", "entity": "us"}


def asked(lab: Lab, **more: Any) -> Answer:
    async def story() -> Answer:
        async with lab.gateway() as gateway:
            return await ask(gateway, "create-customer", {**ASKED, "record_id": lab.account, **more}, key="c")

    return asyncio.run(story())


def renamed(lab: Lab) -> None:
    """The entity goes by another name from now on."""
    text = lab.config_file.read_text()
    lab.config_file.write_text(re.sub(r'"us"|(?<=entities\.)us\b', lambda at: at[0].replace("us", "usa"), text))


@pytest.mark.plain  # what flows ask for has no entity any more
def test_a_repeat_is_answered_although_its_entity_is_gone(sqlite_lab: Lab) -> None:
    first = asked(sqlite_lab)
    renamed(sqlite_lab)

    again = asked(sqlite_lab)

    assert first.envelope["success"]
    assert (again.action_id, again.envelope["replayed"]) == (first.action_id, True)
    assert again.envelope["stripe_id"] == first.envelope["stripe_id"]


@pytest.mark.plain  # what flows ask for has no entity any more
def test_another_body_under_the_key_is_told_so_although_its_entity_is_gone(sqlite_lab: Lab) -> None:
    asked(sqlite_lab)
    renamed(sqlite_lab)

    with pytest.raises(Rejected) as refused:
        asked(sqlite_lab, recipient_email="other@example.com")

    assert refused.value.code == "request_key_reused"


def test_a_first_request_for_an_entity_that_is_gone_is_refused(sqlite_lab: Lab) -> None:
    renamed(sqlite_lab)

    with pytest.raises(Rejected) as refused:
        asked(sqlite_lab)

    assert (refused.value.code, refused.value.field) == ("unknown_entity", "entity")
