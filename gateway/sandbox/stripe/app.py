"""The simulator as one application: ``/v1`` for programs, pages for people, ``/_control`` for tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from gateway.sandbox.control import control_routes
from gateway.sandbox.gate import Gate
from gateway.sandbox.stripe.api import Api
from gateway.sandbox.stripe.courier import Courier
from gateway.sandbox.stripe.knobs import Knobs
from gateway.sandbox.stripe.pages import page_routes
from gateway.sandbox.stripe.world import StripeWorld


def create_app(world: StripeWorld) -> ASGIApp:
    courier = Courier(world)
    world.listeners.append(courier.take)
    world.born.append(courier.begin)
    courier.begin()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(courier.run())
        try:
            yield
        finally:
            task.cancel()

    api = Api(world)
    routes = [
        *control_routes(world.controls, Knobs(world, courier).routes()),
        Mount("/v1", app=api),
        Mount("/v2", app=api),  # none of it is simulated: refused as Stripe does, as a JSON error
        *page_routes(world),
    ]
    return Gate(Starlette(routes=routes, lifespan=lifespan), world.controls)
