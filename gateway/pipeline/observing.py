"""What happens, told to the metrics and the log."""

from __future__ import annotations

from gateway.connectors import CallEvent
from gateway.connectors.salesforce import SalesforceConnector
from gateway.observability import logs
from gateway.observability.metrics import Metrics
from gateway.records import Json
from gateway.writeback import WriteBack

log = logs.get_logger()


def call(metrics: Metrics, call: CallEvent) -> None:
    metrics.upstream(call.upstream, call.method, call.endpoint, call.outcome, call.seconds)


def action(metrics: Metrics, event: str, told: dict[str, Json]) -> None:
    if event == "action.accepted":
        metrics.accepted(told["action"], told["caller"])
        log.info(event, **told)
    else:
        metrics.ended(told["action"], told["status"], told["seconds"])
        log.info(event, **told)


def rows(metrics: Metrics, salesforce: SalesforceConnector, told: WriteBack) -> None:
    metrics.written_back(told.org, told.outcome, told.rows, told.seconds)
    if (usage := salesforce.usage(told.org)) is not None:
        metrics.salesforce_usage(told.org, *usage)
