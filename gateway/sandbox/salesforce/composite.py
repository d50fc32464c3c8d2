"""``composite``: up to 25 requests in one call, later ones using answers of earlier ones."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.sandbox.salesforce.calls import Answer, Call
from gateway.sandbox.salesforce.errors import SalesforceError, malformed_json
from gateway.sandbox.salesforce.references import filled

MAX_SUBREQUESTS = 25
MAX_QUERIES = 5
REFERENCE_ID = re.compile(r"[A-Za-z0-9_]{1,40}")
ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."
Sub = Mapping[str, Any]


def handle(call: Call) -> Answer:
    body = call.record_body()
    subs = read_subrequests(body.get("compositeRequest"), MAX_SUBREQUESTS)
    queries = [sub for sub in subs if re.search(r"/(query|composite/sobjects)\b", sub["url"])]
    if len(queries) > MAX_QUERIES:
        raise SalesforceError("LIMIT_EXCEEDED", f"at most {MAX_QUERIES} subrequests may be queries or collections")
    all_or_none = body.get("allOrNone") is True
    with call.org.store.transaction() as mark:
        answers = run_all(call, subs, stop=all_or_none)
        if all_or_none and any(failed(answer) for answer in answers):
            call.org.store.rollback(mark)
            answers = halted(answers, len(subs))
    entries = [entry(sub, answer) for sub, answer in zip(subs, answers, strict=True)]
    return Answer(200, {"compositeResponse": entries})


def read_subrequests(given: Any, limit: int) -> list[Sub]:
    """Checked for shape: method, url, a reference id that is unique and of the allowed characters."""
    if not isinstance(given, list) or not given:
        raise malformed_json("compositeRequest must be a list of subrequests")
    if len(given) > limit:
        message = f"The maximum number of subrequests allowed is {limit}; this request has {len(given)}"
        raise SalesforceError("LIMIT_EXCEEDED", message)
    seen: set[str] = set()
    for sub in given:
        if not isinstance(sub, dict) or not all(
            isinstance(sub.get(name), str) for name in ("method", "url", "referenceId")
        ):
            raise malformed_json("every subrequest needs method, url and referenceId")
        if unknown := set(sub) - {"method", "url", "referenceId", "body", "httpHeaders"}:
            raise malformed_json(f'Unrecognized field "{min(unknown)}" in a subrequest')
        reference = sub["referenceId"]
        if not REFERENCE_ID.fullmatch(reference) or reference in seen:
            raise SalesforceError("INVALID_INPUT", f"Invalid or duplicate reference id: {reference}")
        seen.add(reference)
    return given


def run_all(call: Call, subs: list[Sub], *, stop: bool) -> list[Answer]:
    """One after the other; with ``stop`` the first failure ends it."""
    bodies: dict[str, Any] = {}
    bulk = count_records(call, subs)
    answers: list[Answer] = []
    for sub in subs:
        answer = run_one(call, sub, bodies, bulk)
        answers.append(answer)
        if not failed(answer):
            bodies[sub["referenceId"]] = answer.body
        elif stop:
            break
    return answers


def run_one(call: Call, sub: Sub, bodies: Mapping[str, Any], bulk: Counter[str]) -> Answer:
    """One subrequest in a transaction of its own, so that a failure leaves nothing behind."""
    try:
        with call.org.store.transaction():
            return call.dispatch(subcall(call, sub, bodies, bulk))
    except SalesforceError as exc:
        return Answer(exc.status, exc.body())


def subcall(call: Call, sub: Sub, bodies: Mapping[str, Any], bulk: Counter[str]) -> Call:
    parts = urlsplit(filled(sub["url"], bodies, in_url=True))
    path = split_path(call, parts.path)
    headers = {**call.headers, **{k.lower(): str(v) for k, v in (sub.get("httpHeaders") or {}).items()}}
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    body = filled(sub.get("body"), bodies)
    method = sub["method"].upper()
    return replace(call, method=method, path=path, params=params, headers=headers, body=body, bulk=bulk)


def split_path(call: Call, path: str) -> tuple[str, ...]:
    """Segments after the version; another version than the org's is refused."""
    prefix = f"/services/data/v{call.org.world.api_version}/"
    if not path.startswith(prefix):
        raise SalesforceError("NOT_FOUND", f"The requested resource does not exist: {path}")
    return tuple(unquote(segment) for segment in path.removeprefix(prefix).strip("/").split("/"))


def count_records(call: Call, subs: list[Sub]) -> Counter[str]:
    """Records per object that one transaction writes: what a trigger is handed."""
    counts: Counter[str] = Counter()
    for sub in subs:
        match = re.search(r"/sobjects/([A-Za-z0-9_]+)", sub["url"])
        if match and sub["method"].upper() != "GET":
            counts[match[1]] += 1
    return counts


def failed(answer: Answer) -> bool:
    return answer.status >= 300


def halted(answers: list[Answer], total: int) -> list[Answer]:
    """The failing one keeps its words; all others, done or not reached, were rolled back."""
    rolled_back = SalesforceError("PROCESSING_HALTED", ROLLED_BACK)
    kept = [answer if failed(answer) else Answer(400, rolled_back.body()) for answer in answers]
    return kept + [Answer(400, rolled_back.body())] * (total - len(answers))


def entry(sub: Sub, answer: Answer) -> dict[str, Any]:
    return {
        "body": answer.body,
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": sub["referenceId"],
    }
