"""Log lines: one per event, with the ids of their context, and never a secret in any output."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway.observability import Metrics, bound, configure, get_logger
from tests.observability.test_redaction import SECRETS


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_time_level_and_name_first() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)

    get_logger(org="acme").info("action.accepted", action_id="act_1")

    [event] = lines(stream)
    assert list(event)[:3] == ["at", "level", "event"]
    assert event["event"] == "action.accepted"
    assert (event["org"], event["action_id"]) == ("acme", "act_1")
    assert event["at"].endswith("Z")


def test_events_of_tasks_started_inside_carry_the_request_id() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)

    async def request(request_id: str) -> None:
        with bound(request_id=request_id, traceparent=None):
            await asyncio.create_task(work())

    async def work() -> None:
        await asyncio.sleep(0)
        get_logger().info("step.sent")

    async def main() -> None:
        await asyncio.gather(request("req_a"), request("req_b"))
        get_logger().info("outside")

    asyncio.run(main())

    first, second, outside = lines(stream)
    assert {first["request_id"], second["request_id"]} == {"req_a", "req_b"}
    assert "request_id" not in outside
    assert "traceparent" not in first


def test_records_of_libraries_come_out_the_same_way() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)

    logging.getLogger("some.library").warning("slow answer from %s", "api.stripe.com")
    logging.getLogger("sqlalchemy.engine").info("INSERT INTO action")

    [event] = lines(stream)
    assert event["event"] == "slow answer from api.stripe.com"
    assert event["logger"] == "some.library"
    assert event["level"] == "warning"


def test_the_level_is_respected() -> None:
    stream = io.StringIO()
    configure("json", stream=stream, level="warning")

    get_logger().info("quiet")
    get_logger().warning("loud")

    assert [event["event"] for event in lines(stream)] == ["loud"]


def test_a_broken_output_loses_lines_but_not_the_work() -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    output = configure("json", stream=Full())

    get_logger().info("action.accepted")

    assert output.lost == 1


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_sent_through_every_output_come_out_of_none(form: Any) -> None:
    stream = io.StringIO()
    configure(form, stream=stream, level="debug")
    metrics = Metrics()

    for secret in SECRETS.values():
        log_everywhere(secret)
        metrics.upstream("stripe", "POST", f"/v1/customers/{secret}", "ok", 0.02)

    written = stream.getvalue()
    assert written.count("\n") >= 8 * len(SECRETS)
    page = metrics.render().decode()
    for name, secret in SECRETS.items():
        assert secret not in written, name
        assert secret[-12:] not in written, name
        assert secret not in page, name


def complain(secret: str) -> None:
    raise ValueError(secret)


def log_everywhere(secret: str) -> None:
    log = get_logger(bound_value=secret)
    log.info("event", value=secret, nested={"list": [secret, {"deep": secret}]}, raw=secret.encode())
    careless = f"in the event itself: {secret}"
    log.debug(careless)
    with bound(context=secret):
        log.warning("in the context")
    try:
        complain(secret)
    except ValueError as exc:
        log.exception("in a traceback")
        log.error("as an argument", error=exc, cause=repr(exc))  # noqa: TRY400 - the error as a value is what is tested
        logging.getLogger("library").exception("library failed")
    logging.getLogger("library").error("as an argument: %s", secret)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"in a warning: {secret}", UserWarning, stacklevel=1)
