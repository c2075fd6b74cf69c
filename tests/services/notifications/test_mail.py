"""Mail is sent at most once, whatever the server does and whoever dies on the way."""

import asyncio
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

import msgspec
import pytest
import structlog

from ordereats.chassis.background import Background, Hint, Jobs
from ordereats.contracts.ids import OrderId
from ordereats.contracts.notifications import Mail
from ordereats.services.notifications import store, use_cases
from ordereats.services.notifications.jobs import jobs
from services.notifications.conftest import a_sending
from services.notifications.facts import CREATED, HIEU, OFFERED, PAID, PHO, PLACED
from support.builders import a_restaurant, a_user, an_order, running, until_true

if TYPE_CHECKING:
    from services.notifications.conftest import Desk, MailServer


async def states(desk: "Desk") -> list[Mail]:
    return [each.state for each in await desk.mail()]


async def test_what_is_told_is_mailed_to_customers_and_restaurants(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    await post_office.hear(HIEU, PHO, PLACED, CREATED, OFFERED)

    assert await post_office.send() is False

    placed, created = mail_server.taken
    assert (placed["To"], created["To"]) == ("hieu@test.com", "kitchen@pho.test")
    assert (placed["From"], placed["Subject"]) == (
        "orders@ordereats.test",
        "Your order at Pho Saigon",
    )
    assert "Hello Hieu. We have your order" in str(placed.get_payload())
    assert placed["Message-ID"] != created["Message-ID"]
    assert await states(post_office) == [Mail.SENT, Mail.SENT]


async def test_what_was_sent_is_not_sent_again(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    await post_office.hear(HIEU, PLACED)
    await post_office.send()

    await post_office.hear(PLACED)
    await post_office.let_time_pass()
    await post_office.send()

    assert len(mail_server.taken) == 1


async def test_mail_that_is_due_later_is_sent_at_its_time(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    await post_office.hear(HIEU, PLACED)
    await post_office.database.execute("update notifications set due_at = now() + interval '0.4 s'")
    began = monotonic()

    async with Background.open() as background:
        working = Jobs(background)
        for job in jobs(post_office.sending, Hint()):
            working.start(job)
        await until_true(mail_server.has_taken)
        took_s = monotonic() - began
        await working.stop(within_s=2)

    assert 0.35 < took_s < 1  # not at the next look, at 1.0


async def test_mail_waits_for_an_address_that_is_still_to_come(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    await post_office.hear(PLACED)
    await post_office.send()
    (waiting,) = await post_office.mail()
    assert (waiting.to, waiting.state, waiting.attempts) == (None, Mail.WAITING, 0)

    await post_office.hear(HIEU)
    await post_office.send()

    assert [each["To"] for each in mail_server.taken] == ["hieu@test.com"]


async def test_what_is_not_taken_now_is_tried_again_after_a_pause(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    mail_server.rcpt = ["451 greylisted"]
    mail_server.data = ["452 full"]
    await post_office.hear(HIEU, PLACED)

    for attempt in (1, 2):
        await post_office.send()
        (letter,) = await post_office.mail()
        assert (letter.state, letter.attempts) == (Mail.WAITING, attempt)
        assert letter.error
        assert 0 < await post_office.pause_s() <= 2**attempt
        await post_office.let_time_pass()
    await post_office.send()

    assert await states(post_office) == [Mail.SENT]
    assert len(mail_server.taken) == 1


async def test_it_is_not_tried_again_before_its_time(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    mail_server.data = ["451 later"]
    await post_office.hear(HIEU, PLACED)
    await post_office.send()

    await post_office.send()

    assert mail_server.asked == 1


async def test_what_is_never_taken_is_parked_after_its_attempts(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    mail_server.data = ["451 later"] * 9
    await post_office.hear(HIEU, PLACED)

    for _ in range(5):
        await post_office.send()
        await post_office.let_time_pass()

    (letter,) = await post_office.mail()
    assert (letter.state, letter.attempts) == (Mail.PARKED, 3)
    assert "later" in str(letter.error)
    assert mail_server.asked == 3


@pytest.mark.parametrize("where", ["rcpt", "data"])
async def test_what_is_refused_for_good_is_parked_at_once(
    post_office: "Desk", mail_server: "MailServer", where: str
) -> None:
    setattr(mail_server, where, ["550 no such person"])
    await post_office.hear(HIEU, PLACED)

    await post_office.send()

    (letter,) = await post_office.mail()
    assert (letter.state, letter.attempts) == (Mail.PARKED, 1)
    assert "no such person" in str(letter.error)
    assert mail_server.taken == []


async def test_one_that_is_refused_is_no_other_ones_matter(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    mail_server.rcpt = ["550 no such person"]
    mail_server.data = ["451 later"]
    orders = [msgspec.structs.replace(PLACED, order_id=OrderId(n)) for n in (1, 2, 3)]
    await post_office.hear(HIEU, *orders)

    await post_office.send()

    assert await states(post_office) == [Mail.PARKED, Mail.WAITING, Mail.SENT]


@pytest.mark.parametrize("address", ["a,b@test.com", "<a>@b", "a@b\u2028c", "(x)a@b.c", "a@[::1]"])
async def test_an_address_that_programs_read_in_different_ways_gets_no_mail(
    post_office: "Desk", mail_server: "MailServer", address: str
) -> None:
    await post_office.hear(msgspec.structs.replace(HIEU, email=address), PLACED)

    await post_office.send()

    assert await states(post_office) == [Mail.PARKED]
    assert mail_server.taken == []


async def test_names_from_everywhere_are_written_as_they_are(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    hieu = msgspec.structs.replace(HIEU, name="Hiếu\u2028\r\nBcc: all@test.com")
    pho = msgspec.structs.replace(PHO, name="Phở Sài Gòn\u2028\r\nBcc: all@test.com")
    await post_office.hear(hieu, pho, PLACED)

    await post_office.send()

    (mail,) = mail_server.taken
    assert mail["Bcc"] is None
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert "Hello Hiếu" in payload.decode()


@pytest.mark.parametrize("how", ["drops", "hangs"])
async def test_a_text_that_may_have_arrived_is_not_sent_again(
    post_office: "Desk", mail_server: "MailServer", how: str
) -> None:
    sending = a_sending(post_office.database, mail_server.port, timeout_s=0.3)
    mail_server.drops = how == "drops"
    mail_server.hangs = asyncio.Event() if how == "hangs" else None
    await post_office.hear(HIEU, PLACED)

    for _ in range(3):
        await use_cases.send_due(sending)
        await post_office.let_time_pass()

    (letter,) = await post_office.mail()
    assert letter.state is Mail.PARKED
    assert "may have arrived" in str(letter.error)
    assert mail_server.asked == 1


async def test_nobody_there_is_tried_again(post_office: "Desk", mail_server: "MailServer") -> None:
    nowhere = a_sending(post_office.database, 9)
    await post_office.hear(HIEU, PLACED)

    await use_cases.send_due(nowhere)
    assert await states(post_office) == [Mail.WAITING]
    await post_office.let_time_pass()
    await post_office.send()

    assert len(mail_server.taken) == 1


async def test_a_server_that_says_nothing_costs_its_time_and_an_attempt(
    post_office: "Desk",
) -> None:
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    await post_office.hear(HIEU, PLACED)

    async with asyncio.timeout(2):
        await use_cases.send_due(a_sending(post_office.database, port, timeout_s=0.2))

    (letter,) = await post_office.mail()
    assert (letter.state, letter.attempts) == (Mail.WAITING, 1)
    silent.close()


async def test_one_whose_process_died_before_the_text_went_out_is_sent_when_its_lease_lapses(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    await post_office.hear(HIEU, PLACED)
    await post_office.database.execute(
        "update notifications set lease = gen_random_uuid(), attempts = 1,"
        " due_at = now() + interval '30 s'"
    )

    await post_office.send()
    assert mail_server.taken == []
    await post_office.let_time_pass()
    await post_office.send()

    assert len(mail_server.taken) == 1


async def test_one_whose_process_died_while_the_text_went_out_is_not_sent_again(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    mail_server.hangs = asyncio.Event()
    await post_office.hear(HIEU, PLACED)
    async with asyncio.TaskGroup() as tasks:
        dying = tasks.create_task(post_office.send())
        await mail_server.begun.wait()
        dying.cancel()
    mail_server.hangs.set()

    await post_office.let_time_pass()
    await post_office.send()

    assert await states(post_office) == [Mail.PARKED]
    assert mail_server.asked == 1


async def test_who_has_lost_the_lease_sends_nothing(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    await post_office.hear(HIEU, PLACED)

    class Slow:
        """A line on which the offer takes longer than the lease."""

        async def offer(self, _letter: object) -> None:
            await post_office.let_time_pass()
            await post_office.send()

        async def hand_over(self, _letter: object) -> None:
            raise AssertionError("the lease was lost")

    letters = await store.lease_due(
        post_office.database, lease=post_office.deps.clock.new_id(), for_s=1, limit=1
    )
    await use_cases._send(post_office.sending, Slow(), letters[0], post_office.deps.clock.new_id())

    assert len(mail_server.taken) == 1
    assert await states(post_office) == [Mail.SENT]


async def test_two_processes_at_once_send_each_once(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    orders = [msgspec.structs.replace(PAID, order_id=OrderId(n)) for n in range(1, 31)]
    await post_office.hear(HIEU, *orders)

    while any(await asyncio.gather(*(post_office.send() for _ in range(3)))):
        pass

    assert len({each["Message-ID"] for each in mail_server.taken}) == 30
    assert len(mail_server.taken) == 30


async def test_it_logs_in_when_it_has_a_name_and_a_password(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    sending = a_sending(post_office.database, mail_server.port, username="me", password="p@ss word")
    await post_office.hear(HIEU, PLACED)

    await use_cases.send_due(sending)

    assert [each.login for each in mail_server.logins] == [b"me"]
    assert await states(post_office) == [Mail.SENT]


async def test_no_password_goes_to_a_server_elsewhere_that_does_not_encrypt(
    post_office: "Desk", mail_server: "MailServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordereats.services.notifications.settings._HERE", frozenset())
    sending = a_sending(post_office.database, mail_server.port, username="me", password="p@ss word")
    await post_office.hear(HIEU, PLACED)

    await use_cases.send_due(sending)

    assert mail_server.logins == []
    assert await states(post_office) == [Mail.WAITING]


async def test_a_server_that_can_not_encrypt_is_none_of_smtps(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    sending = a_sending(post_office.database, mail_server.port, is_tls=True, timeout_s=0.5)
    await post_office.hear(HIEU, PLACED)

    await use_cases.send_due(sending)

    assert mail_server.taken == []
    assert await states(post_office) == [Mail.WAITING]


async def test_who_orders_has_mail(database_url: str, mail_server: "MailServer") -> None:
    url = f"smtp://127.0.0.1:{mail_server.port}"

    async with running(["all"], database_url, SMTP_URL=url) as city:
        await city.client.post("/users", a_user(email="hieu@test.com"))
        await city.client.post("/restaurants", a_restaurant())
        await city.client.post("/orders", an_order())
        await until_true(mail_server.has_taken)

    assert mail_server.taken[0]["To"] == "hieu@test.com"


async def test_a_wrong_password_is_not_the_mails_fault_and_no_secret_or_address_is_logged(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    sending = a_sending(
        post_office.database, mail_server.port, username="me", password="canary-password"
    )
    await post_office.hear(HIEU, PLACED)

    with structlog.testing.capture_logs() as logs:
        await use_cases.send_due(sending)
        mail_server.rcpt = ["550 <hieu@test.com> unknown"]
        await post_office.let_time_pass()
        await use_cases.send_due(replace(sending, post=post_office.sending.post))

    assert [each["event"] for each in logs] == ["mail_not_taken", "mail_parked"]
    assert [each["error"] for each in logs] == [
        "SMTPAuthenticationError 535",
        "SMTPRecipientRefused 550",
    ]
    assert "hieu@" not in str(logs)
    assert "canary" not in str(logs) + str(await post_office.mail())
