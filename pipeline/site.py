"""The web of a running instance: hooks, pages and API, with everything that they are given."""

import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.types import ASGIApp

from connectors.base import Accept
from connectors.form import Form
from core.clock import SEOUL
from pipeline import metrics
from pipeline.house import House
from web import service
from web.app import make_app
from web.faqs import FaqSearch
from web.hooks import Hooks
from web.services import Services


def application(house: House, accept: Accept) -> ASGIApp:
    """Returns the ASGI application of this instance."""
    plan = house.plan
    hooks = Hooks(plan.webhooks, accept, house.clock, plan.settings.web.public_url)
    faqs = FaqSearch(plan.city.faqs)
    services = Services(
        city=plan.city,
        store=house.store,
        faqs=lambda words, language, limit: faqs.find(
            words, language, limit, today=house.clock().astimezone(SEOUL).date()
        ),
        find=plan.engines.find(),
        readiness=house.status.readiness,
        changed=house.changes.wait,
        form_token=_form_token(house),
        metrics=lambda: metrics.page(house.others()),
    )
    return make_app(services, hooks)


def health(house: House) -> ASGIApp:
    """Returns what a role without pages tells: alive, ready, measured."""
    return Starlette(routes=service.routes(house.status.readiness, lambda: metrics.page(house.others())))


def _form_token(house: House) -> Callable[[], str] | None:
    forms = [part for part in house.plan.webhooks.values() if isinstance(part, Form)]
    return (lambda: forms[0].token(time.time())) if forms else None
