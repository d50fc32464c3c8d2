"""Components ↔ Apex and each other: arguments, members of answers, handlers, properties of children."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.metadata.apex_source import Source, sources
from tests.metadata.check_lwc import APEX, PROPERTY
from tests.metadata.lwc import Bundle, bundles
from tests.metadata.tree import Tree

# What components call a value of Apex → the class it comes from.
VALUES = {
    "answer": "StripeGatewayAnswer",
    "candidate": "StripeGatewayPreview.Candidate",
    "invoice": "StripeOverview.Invoice",
    "openInvoice": "StripeOverview.Invoice",
    "overview": "StripeOverview",
    "payment": "StripeOverview.Payment",
    "preview": "StripeGatewayPreview",
    "refusal": "StripeGatewayAnswer",
    "stamp": "StripeOverview.Stamp",
}
# Lists of such values, whose elements are taken apart in callbacks; and functions that take one apart.
LISTS = {
    "invoices": "StripeOverview.Invoice",
    "links": "StripeOverview.Link",
    "payments": "StripeOverview.Payment",
    "reachable": "StripeGatewayPreview.Candidate",
    "refunds": "StripeOverview.Refund",
    "runningActions": "StripeOverview.Running",
}
FUNCTIONS = {
    "adopt(intent, ": "StripeOverview.Running",
    "confirm: (": "StripeGatewayPreview",
    "sentence: (": "StripeGatewayPreview",
}
MEMBER = re.compile(rf"\b({'|'.join(VALUES)})\??\.(\w+)")
TAKEN = re.compile(rf"const \{{([^}}]*)\}} = (?:\w+\.)*({'|'.join(VALUES)});")
EACH = re.compile(rf"\b({'|'.join(LISTS)})\.(?:map|filter|find|some|every)\(\(\{{([^}}]*)\}}")
GIVEN = re.compile(rf"({'|'.join(map(re.escape, FUNCTIONS))})\{{([^}}]*)\}}")
INNER = re.compile(r"public class (\w+) \{(.*?)\n    \}", re.DOTALL)
FIELD = re.compile(
    r"(?P<shown>@AuraEnabled\s+)?public (?!class\b|static\b|override\b)"
    r"(?P<type>[\w.]+(?:<[\w.<>, ]+>)?) (?P<name>\w+)(?= =|;)"
)
CALL = r"\b{name}\(\{{([^()]*?)\}}\)"
WIRE = r"@wire\({name}, \{{([^()]*?)\}}\)"
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
TAG = re.compile(r"<c-([a-z0-9-]+)([^>]*)>")
ATTRIBUTE = re.compile(r"([\w:-]+)=")
PLAIN = re.compile(r"(?:lwc:|for:|iterator:|on|data-|aria-).*|class|hidden|id|key|role|slot|style|tabindex|title")
NAMED = re.compile(r"\{(\w+)[^}]*\}")
LOCAL = re.compile(r'(?:for:item|for:index)="(\w+)"|iterator:(\w+)=')
OWN = re.compile(r"^    (?:@\w+(?:\([^\n]*\))?\s+)*(?:(?:static|async|get|set) )*(\w+)\s*(?:\(|=|;)", re.MULTILINE)
INHERITED = {"label"}  # of a modal
ITEM = re.compile(r'for:item="(\w+)"\s+key=\{(\w+)((?:\.\w+)*)\}')
SAME = {"label", "text", "title", "value"}  # what two items may have in common
PHYSICAL = re.compile(
    r"(?:margin|padding|border)-(?:left|right)\b|^\s*(?:left|right):|text-align: (?:left|right)", re.MULTILINE
)


def findings(tree: Tree) -> list[str]:
    """Every name one side uses and the other lacks, lists whose items could be mistaken, fixed sides."""
    shown = {name: columns for source in sources(tree).values() for name, columns in members(source).items()}
    checks = [_hidden(tree), _sides(tree)]
    known = bundles(tree)
    for name, bundle in known.items():
        found = (*_arguments(tree, bundle), *_members(shown, bundle), *_templates(known, bundle))
        checks.append(f"lwc {name}: {problem}" for problem in found)
    return [problem for check in checks for problem in check]


def members(source: Source) -> dict[str, set[str]]:
    """A class and its inner ones, with what components see of them."""
    inner = {f"{source.name}.{name}": body for name, body in INNER.findall(source.code)}
    parts = {source.name: INNER.sub("", source.code), **inner}
    return {name: {f["name"] for f in FIELD.finditer(body) if f["shown"]} for name, body in parts.items()}


def _hidden(tree: Tree) -> Iterator[str]:
    """A public member without @AuraEnabled arrives as nothing."""
    for source in sources(tree).values():
        if source.path.parts[0] == "main" and source.annotated("AuraEnabled"):
            for field in FIELD.finditer(source.code):
                line = source.code[source.code.rfind("\n", 0, field.start()) + 1 : field.start()]
                if not field["shown"] and "@" not in line and not _is_variable(source.code, field.start()):
                    yield f"{source.name}.{field['name']}: components do not see it without @AuraEnabled"


def _is_variable(code: str, at: int) -> bool:
    """Whether it is annotated otherwise, as @InvocableVariable is."""
    return bool(re.search(r"@\w+(?:\([^)]*\))?\s*$", code[max(0, at - 400) : at]))


def _arguments(tree: Tree, bundle: Bundle) -> Iterator[str]:
    for text in bundle.scripts.values():
        for local, path in APEX.findall(text):
            owner, _, name = path.partition(".")
            source = sources(tree).get(owner)
            found = [m for m in source.annotated("AuraEnabled") if m.name == name and m.method] if source else []
            wanted = {parameter.split()[-1] for method in found for parameter in method.parameters}
            for pattern in (CALL, WIRE):
                for inside in re.findall(pattern.format(name=local), text):
                    given = set(_keys(inside))
                    if found and given != wanted:
                        yield f"calls {path} with {sorted(given)}, it takes {sorted(wanted)}"


def _keys(inside: str) -> Iterator[str]:
    """Names in an object or a pattern; ``a: b`` is a."""
    for part in inside.split(","):
        if found := re.match(r"\s*(\w+)", part):
            yield found[1]


def _members(shown: dict[str, set[str]], bundle: Bundle) -> Iterator[str]:
    for text in (*bundle.scripts.values(), *bundle.templates.values()):
        read = [(VALUES[value], name) for value, name in MEMBER.findall(text)]
        read += [(VALUES[value], name) for inside, value in TAKEN.findall(text) for name in _keys(inside)]
        read += [(LISTS[value], name) for value, inside in EACH.findall(text) for name in _keys(inside)]
        read += [(FUNCTIONS[start], name) for start, inside in GIVEN.findall(text) for name in _keys(inside)]
        for owner, name in sorted(set(read)):
            if name not in shown.get(owner, set()):
                yield f"reads {name}, which {owner} does not show"


def _templates(known: dict[str, Bundle], bundle: Bundle) -> Iterator[str]:
    script = bundle.scripts.get(f"{bundle.name}.js", "")
    own = set(OWN.findall(script)) | (INHERITED if "extends LightningModal" in script else set())
    for template in bundle.templates.values():
        text = COMMENT.sub("", template)
        local = {name for pair in LOCAL.findall(text) for name in pair if name}
        for name in sorted(set(NAMED.findall(text)) - own - local):
            yield f"its template names {name}, which its class lacks"
        for item, head, rest in ITEM.findall(text):
            if item == head and (not rest or rest.rpartition(".")[2] in SAME):
                yield f"two items with the same key {head}{rest} would be one"
        yield from _properties(known, text)


def _properties(known: dict[str, Bundle], text: str) -> Iterator[str]:
    for tag, inside in TAG.findall(text):
        name = _camel(tag)
        child = known.get(name)
        offered = set(PROPERTY.findall(child.scripts.get(f"{name}.js", ""))) if child else set()
        for attribute in ATTRIBUTE.findall(re.sub(r'=(?:\{[^}]*\}|"[^"]*")', "= ", inside)):
            if child and not PLAIN.fullmatch(attribute) and _camel(attribute) not in offered:
                yield f"<c-{tag}> has no property {_camel(attribute)}"


def _camel(name: str) -> str:
    return re.sub(r"-(\w)", lambda found: found[1].upper(), name)


def _sides(tree: Tree) -> Iterator[str]:
    for path, text in tree.texts.items():
        if path.suffix == ".css":
            yield from (f"{path.name}: {side.strip()} is wrong from right to left" for side in PHYSICAL.findall(text))
