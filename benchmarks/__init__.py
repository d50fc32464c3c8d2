"""What the README claims, measurable with one command: ``make bench``."""
