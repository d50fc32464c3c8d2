"""``python -m gateway.sandbox.stripe --port 4242 --config accounts.json``: the simulator as its own process."""

import argparse
import json
from pathlib import Path
from typing import Any

from gateway.sandbox.stripe.app import create_app
from gateway.sandbox.stripe.world import StripeWorld
from gateway.sandbox.wire import HOST, listen, serve

# What runs without a config file: one account, one key, ready to try.
TRIAL: dict[str, Any] = {"accounts": [{"id": "acct_sandbox", "keys": ["sk_test_sandbox"]}]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gateway.sandbox.stripe", description="A stateful Stripe simulator")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--config", type=Path, help='JSON: {"accounts": [{"id", "keys", …}], "public_url"?}')
    options = parser.parse_args()
    config = json.loads(options.config.read_text("utf-8")) if options.config else TRIAL
    listener = listen(options.port)
    port = listener.getsockname()[1]
    world = StripeWorld.of(config["accounts"], public_url=config.get("public_url", f"http://{HOST}:{port}"))
    serve(create_app(world), listener)


if __name__ == "__main__":
    main()
