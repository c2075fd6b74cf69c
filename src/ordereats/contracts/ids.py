"""The names by which things are known: integers that a 64-bit column holds."""

from typing import Annotated, NewType

from msgspec import Meta

Identifier = Annotated[int, Meta(ge=1, le=2**63 - 1, description="An id, as it was answered.")]

UserId = NewType("UserId", Identifier)
RestaurantId = NewType("RestaurantId", Identifier)
OrderId = NewType("OrderId", Identifier)
PaymentId = NewType("PaymentId", Identifier)
NotificationId = NewType("NotificationId", Identifier)
