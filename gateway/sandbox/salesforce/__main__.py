"""``python -m gateway.sandbox.salesforce --port P --config world.json``."""

import argparse
from pathlib import Path

from gateway.sandbox.salesforce.app import create_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gateway.sandbox.salesforce", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--config", type=Path, required=True, help="the world as JSON")
    options = parser.parse_args()
    serve(create_app(SalesforceWorld.load(options.config)), options.port)


if __name__ == "__main__":
    main()
