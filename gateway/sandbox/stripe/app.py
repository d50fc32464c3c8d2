"""The simulator as one Starlette application: ``/v1`` for programs, pages for people, ``/_control`` for tests."""

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from gateway.sandbox.control import control_routes
from gateway.sandbox.gate import Gate
from gateway.sandbox.stripe.api import Api
from gateway.sandbox.stripe.world import StripeWorld


def create_app(world: StripeWorld) -> ASGIApp:
    app = Starlette(routes=[*control_routes(world.controls), Mount("/v1", app=Api(world))])
    return Gate(app, world.controls)
