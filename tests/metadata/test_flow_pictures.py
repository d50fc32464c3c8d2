"""The page with the flows is what the flows are."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

from tests.metadata.flows import NODES, Flow
from tests.metadata.tree import ROOT, load

PROJECT = Path(__file__).parents[2]


def drawer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_flows", PROJECT / "tools/draw_flows.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_flows_as_they_are_now():
    shown = (PROJECT / "docs/flows.md").read_text(encoding="utf-8")

    assert shown == drawer().page(ROOT), "run tools/draw_flows.py > docs/flows.md"


def test_every_element_and_every_way_of_every_flow_is_drawn():
    page = drawer().page(ROOT)
    pictures = re.findall(r"`([^`]+)`\n\n```mermaid\n(.*?)```", page, re.DOTALL)
    flows = {str(each.path): Flow(each) for each in load(ROOT).of("Flow")}

    assert {path for path, _ in pictures} == set(flows)
    for path, picture in pictures:
        for node in flows[path].nodes.values():
            assert node.kind in NODES
            assert re.search(rf"^    {node.name}\W", picture, re.MULTILINE)
            for target in node.leads_to("faultConnector"):
                assert f"{node.name} -. fails .-> {target}" in picture
            for target in node.leads_to("connector", "defaultConnector"):
                assert re.search(rf'{node.name} -->(?:\|"[^"]*"\|)? {target}\n', picture)
