"""All that the service answers by HTTP, in one app. A new router is a line in `_ROUTERS`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, FastAPI

from IODeepLib import __version__
from IODeepLib.service.hands import Hands
from IODeepLib.service.listeners import Ring
from IODeepLib.service.ups import over_http
from IODeepLib.service.web import api, health, login, metrics, page
from IODeepLib.service.web.guards import Guards
from IODeepLib.service.web.known_models import KnownModels
from IODeepLib.service.web.limits import Limits
from IODeepLib.service.web.problems import add_handlers
from IODeepLib.service.web.settings import WebSettings
from IODeepLib.service.web.site import Site
from IODeepLib.service.web.watch import Watch

_ROUTERS: list[APIRouter] = [
    api.router,
    metrics.router,
    health.router,
    login.router,
    page.router,
    over_http.router,
]
# What is asked of the queue and the PACS waits in threads; each has a connection of its own.
_THREADS = 8


def app_for(hands: Hands, settings: WebSettings, ring: Ring) -> FastAPI:
    """The app of a service.

    Args:
        hands: what it works with.
        settings: with the secrets themselves, see `with_secrets`.
        ring: called where there may be something to do.
    """
    app = FastAPI(
        title="IODeep",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they fetch scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.site = Site(hands, settings, ring, KnownModels(hands.settings.models_source))
    for router in _ROUTERS:
        app.include_router(router)
    add_handlers(app)
    app.add_middleware(Limits)  # the last one here is asked first
    app.add_middleware(Guards, settings=settings)
    app.add_middleware(Watch, settings=settings, trail=hands.trail)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = _THREADS
    yield
