"""What keeps a callout safe: who may make it, how long it waits, what a lost answer means, what wakes the outbox."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.metadata.apex_source import Source, closing, sources
from tests.metadata.tree import Tree

LONGEST = 120_000  # milliseconds (Apex Developer Guide, "Callout Limits")
EVENTS = {"StripeActionTrigger": ("Stripe_Action__c", "after insert")}
# Reads what every user must know of (a switch), or runs where no user is (after a sandbox was made).
WITHOUT_SHARING = {"StripeGatewaySwitch", "StripeGatewaySandboxPostCopy"}
CLASS = re.compile(r"\b(?:public|global)\s+(?:virtual\s+|abstract\s+)?(?:(\w+) sharing\s+)?class\s+(\w+)")
ACTS = re.compile(r"\[\s*SELECT\b|\bDatabase\.\w+\(|\bSecurity\.|(?<![\w.])(?:insert|update|upsert|delete)\s+[\w(]")
SENDS = re.compile(r"new StripeGatewayClient\(\)\s*\.(?:act|preview)\(")
REFUSES = re.compile(r"(\w+) = refusalOf\(action\);\s*if \(\1 != null\) \{\s*return [^;]*\b\1\b[^;]*;")
ASKS = re.compile(r"if \(!StripeRights\.may\(action\)\) \{(?:(?!\n {8}\}).)*?\breturn [^;]*;", re.DOTALL)
METHOD = re.compile(r"\b(?:public|private)\s+(?:static\s+)?[\w.<>, ]+?\s(\w+)\([^()]*\)\s*\{")
LOST = re.compile(r"catch \(CalloutException \w+\) \{|StripeGatewayAnswer unanswered\(CalloutException [^)]*\) \{")
MILLISECONDS = re.compile(r"\b(\w*MILLISECONDS)\s*=\s*([\d_]+)")
WAIT = re.compile(r"'wait=(\d+)'")
TRIGGER = re.compile(r"\btrigger\s+(\w+)\s+on\s+(\w+)\s*\(([^)]*)\)")
GUARD = re.compile(r"isBlank\(\w+\.Gateway_Action_Id__c\)|\.Gateway_Action_Id__c == null")


def findings(tree: Tree) -> list[str]:
    """Everything by which a call could be made for the wrong person, twice, too long, or for nothing."""
    there = {name: source for name, source in sources(tree).items() if source.path.parts[0] == "main"}
    checks = (_sharing, _permission, _flow_permission, _lost, _waiting, _trigger, _guard, _job)
    return [f"{source.name}: {problem}" for source in there.values() for check in checks for problem in check(source)]


def _sharing(source: Source) -> Iterator[str]:
    outer = CLASS.search(source.bare)
    if outer is None or source.path.suffix != ".cls":
        return
    word = outer[1]
    entered = any(m.method for m in source.members if m.annotation in {"AuraEnabled", "InvocableMethod"})
    if source.name in WITHOUT_SHARING:
        wanted = {"without"}
    elif entered or ACTS.search(source.bare) or "StripeGatewayClient" in source.words:
        wanted = {"with"}
    else:
        wanted = {"with", "inherited"}
    if word not in wanted:
        yield f"is {word or 'without a word on'} sharing, it has to be {' or '.join(sorted(wanted))} sharing"


def _permission(source: Source) -> Iterator[str]:
    for method in source.annotated("AuraEnabled"):
        sends = SENDS.search(method.body)
        if not sends:
            continue
        refuses = REFUSES.search(method.body)
        if refuses is None or refuses.start() > sends.start():
            yield f"{method.name}: asks the gateway before it has asked whether the person may (refusalOf)"
        proves = method.body.find("new StripeSourceRecord(recordId)")
        if not 0 <= proves < sends.start():
            yield f"{method.name}: asks the gateway before the person has proved to see the record"
    for found in re.finditer(r"StripeGatewayAnswer refusalOf\(String \w+\) \{", source.bare):
        body = source.bare[found.end() : closing(source.bare, found.end() - 1)]
        if "StripeRights.may(" not in body:
            yield "refusalOf: asks for no permission"


def _flow_permission(source: Source) -> Iterator[str]:
    entered = {method.name for method in source.annotated("AuraEnabled")}
    for found in METHOD.finditer(source.bare):
        body = source.bare[found.end() : closing(source.bare, found.end() - 1)]
        sends, asks = SENDS.search(body), ASKS.search(body)
        if found[1] not in entered and sends and (asks is None or asks.start() > sends.start()):
            yield f"{found[1]}: asks the gateway before it has asked whether the person may (StripeRights.may)"


def _lost(source: Source) -> Iterator[str]:
    for found in LOST.finditer(source.bare):
        body = source.bare[found.end() : closing(source.bare, found.end() - 1)]
        if not re.search(r"\bunanswered\(", body):
            yield "a call without an answer is taken for one that did nothing"


def _waiting(source: Source) -> Iterator[str]:
    times = {name: int(value.replace("_", "")) for name, value in MILLISECONDS.findall(source.bare)}
    yield from (
        f"{name}: a callout lasts at most {LONGEST} ms" for name, value in times.items() if not 0 < value <= LONGEST
    )
    for literal in re.findall(r"\.setTimeout\(\s*(\d+)", source.bare):
        yield f"setTimeout({literal}): the limits stand at the top of the class, with names"
    for wait in WAIT.findall(source.code):
        if int(wait) * 1000 >= times.get("ACT_MILLISECONDS", 0):
            yield f"waits {wait} s for the gateway, which is not less than the callout lasts"


def _trigger(source: Source) -> Iterator[str]:
    for name, sobject, events in TRIGGER.findall(source.bare):
        if (sobject, " ".join(events.split())) != EVENTS.get(name):
            yield f"runs {' '.join(events.split())} of {sobject}, expected {EVENTS.get(name)}"


def _guard(source: Source) -> Iterator[str]:
    for found in re.finditer(r"static void announce\([^)]*\) \{", source.bare):
        body = source.bare[found.end() : closing(source.bare, found.end() - 1)]
        if not GUARD.search(body):
            yield "announce: the gateway's own rows (Gateway_Action_Id__c) need no call"


def _job(source: Source) -> Iterator[str]:
    for found in re.finditer(r"class (\w+) implements ([\w., ]+?)\s*\{", source.bare):
        name, kinds = found[1], {kind.strip() for kind in found[2].split(",")}
        body = source.bare[found.end() : closing(source.bare, found.end() - 1)]
        if "Queueable" not in kinds or "StripeGatewayClient" not in body:
            continue
        if "Database.AllowsCallouts" not in kinds:
            yield f"{name}: a job that calls out says Database.AllowsCallouts"
        execute = body[body.find("void execute(QueueableContext") :]
        finalizer = execute.find("System.attachFinalizer(")
        if not 0 <= finalizer < execute.find("new StripeGatewayClient"):
            yield f"{name}: a job that dies is tried again only by a finalizer, attached before the call"
