#!/usr/bin/env python3
"""
Write a page with pictures for every Flow action, from the annotations of its Apex class.

    tools/describe_flow_actions.py      # docs/flow-actions/*.md and the panels beside them

A test compares the pages with the classes, so an input that changes without its page fails.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

PROJECT = Path(__file__).parents[1]
CLASSES = PROJECT / "salesforce_metadata/main"
NOTES = Path(__file__).with_suffix(".toml")
PAGES = "docs/flow-actions"

_OPTIONS = r"\((?P<options>(?:'(?:\\.|[^'\\])*'|[^)'])*)\)"
_METHOD = re.compile(rf"@InvocableMethod\s*{_OPTIONS}")
_VARIABLE = re.compile(rf"@InvocableVariable\s*{_OPTIONS}\s*public\s+(?P<type>[\w<>]+)\s+(?P<name>\w+);")
_TEXT = re.compile(r"(\w+)\s*=\s*'((?:\\.|[^'\\])*)'")
TYPES = {
    "String": "Text", "Id": "Record ID", "Decimal": "Number", "Integer": "Whole number", "Boolean": "True or false",
    "Date": "Date", "List<String>": "Text collection",
}  # fmt: skip


@dataclass(frozen=True)
class Variable:
    """An input or output as Flow Builder shows it."""

    name: str
    type: str
    label: str
    description: str
    required: bool


@dataclass(frozen=True)
class FlowAction:
    """One class with an invocable method."""

    apex: str
    label: str
    description: str
    inputs: tuple[Variable, ...]

    @property
    def slug(self) -> str:
        return self.label.lower().replace(" ", "-")


def written() -> dict[str, str]:
    """Every file by its path from the project's root."""
    actions = sorted(found_actions(), key=lambda each: each.label)
    outputs = variables((CLASSES / "core/classes/StripeActionResult.cls").read_text(encoding="utf-8"))
    notes = tomllib.loads(NOTES.read_text(encoding="utf-8"))
    files = {f"{PAGES}/README.md": contents(actions, notes, outputs)}
    for action in actions:
        files[f"{PAGES}/{action.slug}.md"] = page(action, notes[action.apex])
        files[f"{PAGES}/{action.slug}.svg"] = panel(action, notes[action.apex]["example"])
    return files


def found_actions() -> Iterator[FlowAction]:
    """All classes with an invocable method."""
    for path in CLASSES.rglob("*.cls"):
        text = path.read_text(encoding="utf-8")
        if method := _METHOD.search(text):
            told = dict(_TEXT.findall(method["options"]))
            yield FlowAction(path.stem, told["label"], told["description"], variables(text))


def variables(text: str) -> tuple[Variable, ...]:
    """Annotated members in their order."""
    found = []
    for each in _VARIABLE.finditer(text):
        told = dict(_TEXT.findall(each["options"]))
        required = "required=true" in each["options"]
        found.append(Variable(each["name"], TYPES[each["type"]], told["label"], told["description"], required))
    return tuple(found)


def page(action: FlowAction, notes: dict[str, object]) -> str:
    """What it is for, how it is put in a flow, what may go in, what is refused."""
    refusals = [f"| `{code}` | {mend} |" for code, mend in notes["refusals"].items()]  # type: ignore[attr-defined]
    rows = [
        f"| {each.label}{' *' if each.required else ''} | `{each.name}` | {each.type} | {each.description} |"
        for each in action.inputs
    ]
    return "\n".join(
        [
            f"# {action.label}",
            "",
            "Written by `tools/describe_flow_actions.py` from the class; do not edit. [All actions](README.md).",
            "",
            f"{action.description} {notes['purpose']}",
            "",
            f"Class `{action.apex}`, category *Stripe*. {notes['permission']}",
            "",
            f"![The inputs of {action.label}]({action.slug}.svg)",
            "",
            "Drawn after the class, filled in as for the example below; Flow Builder's own panel looks different.",
            "",
            "## In a flow",
            "",
            str(notes["example_words"]),
            "",
            *picture(action, notes),
            "",
            "## What happens",
            "",
            *sequence(str(notes["at_stripe"]), str(notes["written"])),
            "",
            str(notes["twice"]),
            "",
            "## Inputs",
            "",
            "\\* must be filled in. Everything else may stay empty.",
            "",
            "| label | API name | type | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
            "## What may be refused",
            "",
            "Refused means that nothing was done at Stripe. *Message* says it in words, *Error Code* is for branches.",
            "[All codes](../troubleshooting.md).",
            "",
            "| Error Code | who mends it, and how |",
            "|---|---|",
            *refusals,
            "",
        ]
    )


def picture(action: FlowAction, notes: dict[str, object]) -> Iterator[str]:
    """The flow around it."""
    given = "<br/>".join(f"{name} = {value}" for name, value in notes["example"].items())  # type: ignore[attr-defined]
    yield from (
        "```mermaid",
        "flowchart TD",
        f'    start(["{notes["trigger"]}"])',
        f'    act[["{action.label}<br/>{given}"]]',
        '    how{{"Success or Pending?"}}',
        '    done(["done: the record shows the rest"])',
        '    tell["Tell somebody: Message, Request ID"]',
        '    start -->|"Run Asynchronously"| act',
        "    act --> how",
        "    act -. fault path .-> tell",
        '    how -->|"yes"| done',
        '    how -->|"no: refused"| tell',
        "```",
    )


def sequence(at_stripe: str, record: str) -> Iterator[str]:
    """Who talks to whom, waiting or not."""
    yield from (
        "```mermaid",
        "sequenceDiagram",
        "    participant Flow",
        "    participant Row as Stripe Action row",
        "    participant Gateway",
        "    participant Stripe",
        "    participant Record",
        "    Note over Flow, Gateway: Wait for Result is off: up to 200 at once",
        "    Flow->>Row: one row per input, in one save",
        "    Flow-->>Flow: Status = queued, Pending = true",
        "    Row->>Gateway: one callout for all rows: look at the outbox",
        "    Gateway->>Row: reads what is queued",
        f"    Gateway->>Stripe: {at_stripe}",
        f"    Gateway->>Record: {record}",
        "    Gateway->>Row: Status, Stripe ID, Message",
        "    Note over Flow, Gateway: Wait for Result is on: one input, a few seconds",
        "    Flow->>Gateway: the request, with a request key",
        f"    Gateway->>Stripe: {at_stripe}",
        "    Gateway-->>Flow: Success, or Pending = true while it goes on",
        f"    Gateway->>Record: {record}",
        "```",
    )


def contents(actions: list[FlowAction], notes: dict[str, dict[str, object]], outputs: tuple[Variable, ...]) -> str:
    """The page over the pages, with the outputs that all have in common."""
    rows = [f"| [{each.label}]({each.slug}.md) | {each.description} |" for each in actions]
    told = [f"| {each.label} | `{each.name}` | {each.type} | {each.description} |" for each in outputs]
    return "\n".join(
        [
            "# Flow actions",
            "",
            "Written by `tools/describe_flow_actions.py` from the Apex classes; do not edit.",
            "",
            "In Flow Builder: *New Element*, *Action*, category *Stripe*.",
            "",
            "| action | what it does |",
            "|---|---|",
            *rows,
            "",
            notes["all"]["words"].rstrip(),  # type: ignore[attr-defined]
            "",
            "## Outputs, of every action",
            "",
            "| label | API name | type | meaning |",
            "|---|---|---|---|",
            *told,
            "",
        ]
    )


def panel(action: FlowAction, example: dict[str, str]) -> str:
    """The inputs as a panel of fields, two columns; filled in where the example gives a value."""
    width, column, left = 860, 400, 20
    rows = [action.inputs[n : n + 2] for n in range(0, len(action.inputs), 2)]
    body: list[str] = []
    y = 92
    for row in rows:
        helps = [textwrap.wrap(each.description, 62) for each in row]
        for n, each in enumerate(row):
            x = left + n * (column + 20)
            value = example.get(each.name)
            body += field(x, y, column, each, value, helps[n])
        y += 52 + 16 * max(len(lines) for lines in helps) + 14
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 6}" viewBox="0 0 {width} {y + 6}"',
        f'role="img" aria-label="{escape(action.label)}: its inputs" font-family="sans-serif">',
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{y + 5}" rx="8" fill="#ffffff" stroke="#c9c9c9"/>',
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="62" rx="8" fill="#f3f3f3" stroke="#c9c9c9"/>',
        f'<text x="{left}" y="28" font-size="18" font-weight="bold" fill="#181818">{escape(action.label)}</text>',
        f'<text x="{left}" y="50" font-size="12" fill="#444444">Action · category Stripe · * must be filled in</text>',
    ]
    return "\n".join([*head, *body, "</svg>", ""])


def field(x: int, y: int, width: int, shown: Variable, value: str | None, helps: list[str]) -> Iterator[str]:
    """One input: label, box, help."""
    star = '<tspan fill="#ba0517">* </tspan>' if shown.required else ""
    yield f'<text x="{x}" y="{y}" font-size="13" fill="#181818">{star}{escape(shown.label)}</text>'
    edge = "#0176d3" if value else "#c9c9c9"
    yield f'<rect x="{x}" y="{y + 7}" width="{width}" height="30" rx="4" fill="#ffffff" stroke="{edge}"/>'
    told, ink = (value, "#181818") if value else (shown.type, "#747474")
    yield f'<text x="{x + 10}" y="{y + 27}" font-size="13" fill="{ink}">{escape(told)}</text>'
    for n, line in enumerate(helps):
        yield f'<text x="{x}" y="{y + 53 + 16 * n}" font-size="12" fill="#444444">{escape(line)}</text>'


if __name__ == "__main__":
    for name, text in written().items():
        (PROJECT / name).parent.mkdir(parents=True, exist_ok=True)
        (PROJECT / name).write_text(text, encoding="utf-8")
