"""Durability: jobs, lanes, the ledger and the mirror, on SQLite or PostgreSQL. Knows nothing of Stripe, Salesforce or HTTP."""
