"""A mail server that takes no mail is left alone for a while, and that costs no mail an attempt."""

from dataclasses import replace

import msgspec
import pytest

from ordereats.chassis.calls.breaker import BreakerSettings
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.contracts.ids import OrderId
from ordereats.contracts.notifications import Mail
from ordereats.services.notifications import use_cases
from ordereats.services.notifications.use_cases import AT_ONCE, Sending
from services.notifications.conftest import Desk, MailServer, a_sending
from services.notifications.facts import HIEU, PLACED
from support.builders import NOBODY

ENOUGH = BreakerSettings().minimum_calls


@pytest.fixture
def edges() -> Edges:
    return Edges(EdgeSettings())


@pytest.fixture
def sending(post_office: Desk, mail_server: MailServer, edges: Edges) -> Sending:
    edge = edges.edge("mail", "send", slow_s=1)
    return replace(a_sending(post_office.database, mail_server.port), edge=edge)


async def write(post_office: Desk, mails: int) -> None:
    facts = [msgspec.structs.replace(PLACED, order_id=OrderId(each + 1)) for each in range(mails)]
    await post_office.hear(HIEU, *facts)


async def test_a_server_that_can_not_be_reached_is_soon_not_asked(
    post_office: Desk, sending: Sending, edges: Edges
) -> None:
    nobody = a_sending(post_office.database, int(NOBODY.rpartition(":")[2]))
    await write(post_office, AT_ONCE + 5)

    outcomes = [await use_cases.send_due(replace(nobody, edge=sending.edge)) for _ in range(2)]

    attempts = sorted(each.attempts for each in await post_office.mail())
    assert attempts == [0] * (AT_ONCE + 5 - ENOUGH) + [1] * ENOUGH
    assert edges.states()[0].breaker == "open"
    assert outcomes == [True, False], "the rest of it is not asked for at once"


async def test_what_was_not_asked_for_is_sent_when_the_server_is_asked_again(
    post_office: Desk, sending: Sending, edges: Edges, mail_server: MailServer
) -> None:
    await write(post_office, 1)
    edges.force("mail", "send", "open")
    await use_cases.send_due(sending)
    (waiting,) = await post_office.mail()
    assert (waiting.state, waiting.attempts, mail_server.asked) == (Mail.WAITING, 0, 0)
    assert 0.5 < await post_office.pause_s() <= 2

    edges.force("mail", "send", None)
    await post_office.let_time_pass()
    await use_cases.send_due(sending)

    (sent,) = await post_office.mail()
    assert (sent.state, sent.attempts) == (Mail.SENT, 1)


@pytest.mark.parametrize(
    ("answers", "breaker"),
    [("451 greylisted", "closed"), ("550 nobody here", "closed"), ("421 going away", "open")],
)
async def test_what_a_server_says_of_one_receiver_says_nothing_of_the_others(
    post_office: Desk,
    sending: Sending,
    edges: Edges,
    mail_server: MailServer,
    *,
    answers: str,
    breaker: str,
) -> None:
    mail_server.rcpt = [answers] * 20
    await write(post_office, 20)

    for _ in range(4):
        await use_cases.send_due(sending)

    assert edges.states()[0].breaker == breaker
