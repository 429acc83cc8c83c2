"""What `eungdapso case answer` says of the words before it says that they are an answer: where they go, and if nowhere,
what can be done."""

from typing import Any

from msgspec.structs import asdict

from cases.heard import Heard
from pipeline.build import Plan


def sentence(heard: Heard, number: str, plan: Plan) -> str:
    """Returns it for whoever answered."""
    if heard.way == "nobody":
        return (
            f"nothing is sent: {heard.why}. To bring the words, write a contact down that the citizen agrees to "
            f"(eungdapso case contact {number} CHANNEL:ADDRESS --why …), reopen the case and answer again"
        )
    file = "; as a file in var/outbox, for the channel has no way out yet" if becomes_a_file(heard, plan) else ""
    if heard.way == "public":
        return (
            f"publicly by {heard.channel}{file}: number, department and date, none of the words; "
            f"the citizen hears them from 120, by the number"
        )
    if heard.way == "contact":
        return f"to the citizen's other contact, by {heard.channel}{file} ({heard.why})"
    else_by = f"; if it does not arrive, by {', then '.join(heard.else_by)}" if heard.else_by else ""
    return f"to the citizen alone, by {heard.channel}{file}{else_by}"


def fields(heard: Heard, plan: Plan) -> dict[str, Any]:
    """Returns the same for machines."""
    return asdict(heard) | {"file": becomes_a_file(heard, plan)}


def becomes_a_file(heard: Heard, plan: Plan) -> bool:
    part = plan.connectors.get(heard.channel)
    return part is None or part.sender() is None if heard.channel else False
