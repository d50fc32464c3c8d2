"""Salesforce-triggered action gateway for Stripe."""

__version__ = "0.1.0"
