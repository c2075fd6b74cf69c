"""What notifications says: what was told to whom."""

from datetime import datetime

from ordereats.contracts.ids import NotificationId, OrderId, UserId
from ordereats.contracts.wire import Answer


class Notification(Answer, frozen=True):
    """One message to one person about one fact."""

    id: NotificationId
    user_id: UserId
    order_id: OrderId
    subject: str
    text: str
    created_at: datetime
