"""Durability on SQLite or PostgreSQL: jobs, lanes, ledger, mirror. Knows nothing of Stripe, Salesforce or HTTP."""
