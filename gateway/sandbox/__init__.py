"""A world without accounts: Stripe and Salesforce simulated at the wire; imports nothing of the gateway."""
