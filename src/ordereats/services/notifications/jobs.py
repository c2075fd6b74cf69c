"""Time in for notifications: mail that is due."""

from functools import partial

from ordereats.chassis.background import Hint, Job
from ordereats.services.notifications import use_cases


def jobs(sending: use_cases.Sending, hint: Hint) -> list[Job]:
    """What notifications does by itself, where there is a mail server."""
    return [
        Job(
            "send_mail",
            partial(use_cases.send_due, sending),
            every_s=1,
            hint=hint,
            due_in_s=partial(use_cases.due_in_s, sending),
        )
    ]
