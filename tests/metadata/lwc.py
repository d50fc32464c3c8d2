"""Lightning web components as the checks read them: files of one folder, what they import, where they may stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.metadata.tree import Component, Tree

_IMPORT = re.compile(r"""(?:import|export)\b[^'"`;]*?(?:from\s*)?["']([^"']+)["']""")


@dataclass(frozen=True)
class Bundle:
    """One component: its JavaScript modules, templates and meta file (None where it is missing)."""

    name: str
    scripts: dict[str, str]
    templates: dict[str, str]
    meta: Component | None

    @property
    def targets(self) -> set[str]:
        """Where the meta file lets it stand."""
        return set() if self.meta is None else {element.text or "" for element in self.meta.each("targets/target")}

    @property
    def imports(self) -> set[str]:
        """Module specifiers of all its scripts."""
        return {found for text in self.scripts.values() for found in _IMPORT.findall(text)}


def bundles(tree: Tree) -> dict[str, Bundle]:
    """Every folder below an ``lwc`` folder; tests and mocks inside are no part of it."""
    folders: dict[str, dict[Path, str]] = {}
    for path, text in tree.texts.items():
        if path.suffix in {".js", ".html"} and path.parent.parent.name == "lwc":
            folders.setdefault(path.parent.name, {})[path] = text
    metas = tree.named("LightningComponentBundle")
    return {
        name: Bundle(
            name,
            {path.name: text for path, text in folders.get(name, {}).items() if path.suffix == ".js"},
            {path.name: text for path, text in folders.get(name, {}).items() if path.suffix == ".html"},
            metas.get(name),
        )
        for name in sorted({*folders, *metas})
    }
