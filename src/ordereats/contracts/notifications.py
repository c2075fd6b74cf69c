"""What notifications says: what was told to whom."""

from datetime import datetime
from enum import StrEnum

from ordereats.contracts.ids import NotificationId, OrderId
from ordereats.contracts.wire import Answer


class Receiver(StrEnum):
    """Who is told."""

    CUSTOMER = "customer"
    RESTAURANT = "restaurant"
    COURIER = "courier"


class Mail(StrEnum):
    """What became of the e-mail about it.

    - `none`: this one is told in the app alone.
    - `waiting`: to be sent, or sent again.
    - `kept`: there is no mail server here; it can be read in the list of mails.
    - `sent`: the mail server has taken it.
    - `parked`: it could not be sent, and is not tried any more.
    """

    NONE = "none"
    WAITING = "waiting"
    KEPT = "kept"
    SENT = "sent"
    PARKED = "parked"


class Notification(Answer, frozen=True):
    """One message to one receiver about one fact.

    Attributes:
        receiver_id: the id of the user, the restaurant or the courier.
    """

    id: NotificationId
    receiver: Receiver
    receiver_id: int
    order_id: OrderId
    subject: str
    text: str
    created_at: datetime
    mail: Mail = Mail.NONE


class Letter(Answer, frozen=True):
    """A message as it is mailed, or would be.

    Attributes:
        id: of the notification.
        to: None while the address has not been heard.
        attempts: how often it was tried to send it.
        error: why it is not sent, or not yet.
    """

    id: NotificationId
    to: str | None
    subject: str
    text: str
    at: datetime
    state: Mail
    attempts: int = 0
    error: str | None = None
