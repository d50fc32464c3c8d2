"""``gateway`` and ``python -m gateway``."""

from __future__ import annotations


def main() -> None:
    """Run the command line; the exit codes are in ``gateway.cli.common.Exit``."""
    from gateway.cli import app

    app(prog_name="gateway")


if __name__ == "__main__":
    main()
