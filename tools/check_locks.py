"""Check that the hashed locks pin a version for every requirement of pyproject.toml, within its range."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text()
    return {canonicalize_name(name): version for name, version in PIN.findall(text)}


def problems(lock: str, requirements: Iterable[str]) -> Iterator[str]:
    pinned = pins(lock)
    for requirement in map(Requirement, requirements):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None:
            yield f"requirements/{lock} does not pin {requirement.name}"
        elif not requirement.specifier.contains(version):
            yield f"requirements/{lock} pins {requirement.name}=={version}, wanted is {requirement.specifier}"


def main() -> int:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    runtime = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    everything = [*runtime, *project["optional-dependencies"]["otel"], *pyproject["dependency-groups"]["dev"]]
    found = [
        *problems("build.lock", pyproject["build-system"]["requires"]),
        *problems("runtime.lock", runtime),
        *problems("dev.lock", everything),
        *(f"runtime and dev lock differ on {name}" for name, version in pins("runtime.lock").items()
          if pins("dev.lock").get(name) != version),
    ]  # fmt: skip
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
