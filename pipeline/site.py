"""The web of a running instance: hooks, pages and API, with everything that they are given."""

import time

from starlette.applications import Starlette
from starlette.types import ASGIApp

from connectors.base import Accept
from connectors.form import Form
from connectors.open311 import Open311
from connectors.record import Record
from core.clock import SEOUL
from pipeline import bell, metrics
from pipeline.broadcast_targets import announcers, written
from pipeline.house import House
from web import service
from web.app import make_app
from web.faqs import FaqSearch
from web.hooks import Hooks
from web.services import Faqs, Find, Records, Services


def application(house: House, accept: Accept, find: Find) -> ASGIApp:
    """Returns the ASGI application of this instance; `find` looks words up in the index."""
    plan = house.plan
    hooks = Hooks(plan.webhooks, accept, house.clock, plan.settings.web.public_url)
    posting = announcers(plan)
    form = next((part for part in plan.webhooks.values() if isinstance(part, Form)), None)
    services = Services(
        city=plan.city,
        store=house.store,
        faqs=_faqs(house),
        find=find,
        readiness=house.status.readiness,
        changed=house.changes.wait,
        form_token=(lambda: form.token(time.time())) if form else None,
        form_receipt=form.receipt if form else None,
        metrics=lambda: metrics.page(house.others()),
        written=lambda draft: written(house.plan.city, posting, house.store.broadcasts, draft),
        georeport=next((part for part in plan.connectors.values() if isinstance(part, Open311)), None),
        records=_records(house, accept),
        clock=house.clock,
        public_url=plan.settings.web.public_url.rstrip("/"),
        ring=lambda: bell.ring(plan.var / bell.OUTBOX),
        keep_days=plan.settings.limits.case_words_keep_days,
    )

    def follow() -> None:
        services.city, services.faqs = house.plan.city, _faqs(house)

    house.followers.append(follow)
    return make_app(services, hooks)


def _records(house: House, accept: Accept) -> Records:
    readers = {name: part for name, part in house.plan.webhooks.items() if isinstance(part, Record)}
    return Records(readers=readers, accept=accept)


def _faqs(house: House) -> Faqs:
    search = FaqSearch(house.plan.city.faqs)
    return lambda words, language, limit: search.find(
        words, language, limit, today=house.clock().astimezone(SEOUL).date()
    )


def health(house: House) -> ASGIApp:
    """Returns what a role without pages tells: alive, ready, measured."""
    return Starlette(routes=service.routes(house.status.readiness, lambda: metrics.page(house.others())))
