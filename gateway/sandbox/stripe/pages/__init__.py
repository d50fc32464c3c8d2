"""Pages for people: hosted invoice, checkout of a payment link, mailbox, dashboard. They work without scripts."""

from gateway.sandbox.stripe.pages.views import page_routes

__all__ = ["page_routes"]
