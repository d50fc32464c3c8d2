"""serve, demo, sandbox, version."""

from __future__ import annotations

import platform

import typer

from gateway import __version__
from gateway.cli.common import DEFAULT_CONFIG, AsJson, ConfigFile, command, emit, load_config


@command
def serve(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Run the gateway until it is asked to stop (SIGTERM drains it)."""
    loaded = load_config(config)
    from gateway.app import serve as run

    run(loaded)


@command
def demo() -> None:
    """See it work without any account: an Opportunity becomes a sent invoice, once, whatever breaks."""
    from gateway.sandbox.demo import main

    raise typer.Exit(main() or 0)


@command
def sandbox() -> None:
    """A Salesforce org, a Stripe account and the gateway between them, all simulated, until Ctrl-C."""
    from gateway.sandbox.world import main

    raise typer.Exit(main() or 0)


@command
def version(as_json: AsJson = False) -> None:
    """Versions of what is installed."""
    from importlib.metadata import version as installed

    import stripe

    versions = {
        "gateway": __version__,
        "python": platform.python_version(),
        "stripe": installed("stripe"),
        "stripe_api": stripe.api_version,
        "simple-salesforce": installed("simple-salesforce"),
        "sqlalchemy": installed("sqlalchemy"),
    }
    text = "\n".join(f"{name:18} {number}" for name, number in versions.items())
    emit(versions, lambda console: console.print(text), as_json=as_json)
