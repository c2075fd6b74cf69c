"""The names by which things are known: integers that a 64-bit column holds."""

from typing import Annotated, NewType

from msgspec import Meta

Identifier = Annotated[int, Meta(ge=1, le=2**63 - 1, description="An id, as it was answered.")]

UserId = NewType("UserId", Identifier)
RestaurantId = NewType("RestaurantId", Identifier)
DishId = NewType("DishId", Identifier)
OrderId = NewType("OrderId", Identifier)
PaymentId = NewType("PaymentId", Identifier)
RefundId = NewType("RefundId", Identifier)
TicketId = NewType("TicketId", Identifier)
CourierId = NewType("CourierId", Identifier)
DeliveryId = NewType("DeliveryId", Identifier)
HoldId = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)",
        description="A UUID that names one attempt to place an order.",
    ),
]
NotificationId = NewType("NotificationId", Identifier)
