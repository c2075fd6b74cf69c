"""Notifications counts whom it told, what came of mails, and what is still to be sent."""

from typing import TYPE_CHECKING

from services.notifications.facts import CREATED, HIEU, OFFERED, PHO, PLACED
from support.scrapes import counted, scraped

if TYPE_CHECKING:
    from services.notifications.conftest import Desk, MailServer


async def test_each_message_is_counted_once_by_who_was_told(desk: "Desk") -> None:
    await desk.hear(HIEU, PHO, PLACED, CREATED, OFFERED)
    await desk.hear(PLACED)

    values = await scraped(desk.deps.figures.sources(desk.database))

    assert counted(values, "notifications_total") == {
        ("customer",): 1,
        ("restaurant",): 1,
        ("courier",): 1,
    }
    assert values["mails_waiting", ()] == 0


async def test_mails_are_counted_by_what_came_of_them(
    post_office: "Desk", mail_server: "MailServer"
) -> None:
    await post_office.hear(HIEU, PHO, PLACED, CREATED)
    mail_server.data = ["451 later", "554 never"]
    await post_office.send()
    await post_office.hear(OFFERED)
    await post_office.database.execute(
        "update notifications set created_at = now() - interval '2 minutes'"
    )

    values = await scraped(post_office.sending.figures.sources(post_office.database))

    assert counted(values, "mails_total") == {("put_off",): 1, ("parked",): 1}
    assert values["mails_waiting", ()] == 1
    assert 120 <= values["mails_waiting_oldest_seconds", ()] < 180

    await post_office.let_time_pass()
    await post_office.send()

    values = await scraped(post_office.sending.figures.sources(post_office.database))
    assert values["mails_total", ("sent",)] == 1
    assert values["mails_waiting", ()] == 0
