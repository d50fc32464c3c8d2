"""
Configuration: one TOML file, the environment, and secrets from either or from files.

``load`` returns a whole, checked ``Config`` or raises ``ConfigProblems`` with every problem at once. Nothing outside
this package reads the environment.
"""

from __future__ import annotations

from gateway.config.effective import render_effective
from gateway.config.keys import InboundKey
from gateway.config.load import load, load_org
from gateway.config.model import (
    Audit,
    Config,
    Database,
    Entity,
    Login,
    Mapping,
    Org,
    Route,
    SealingKeys,
    Server,
    StripeUpstream,
)
from gateway.config.problems import ConfigProblems, Problem
from gateway.config.routing import route, routed_fields
from gateway.config.secrets import Secret, SecretBytes

__all__ = [
    "Audit",
    "Config",
    "ConfigProblems",
    "Database",
    "Entity",
    "InboundKey",
    "Login",
    "Mapping",
    "Org",
    "Problem",
    "Route",
    "SealingKeys",
    "Secret",
    "SecretBytes",
    "Server",
    "StripeUpstream",
    "load",
    "load_org",
    "render_effective",
    "route",
    "routed_fields",
]
