"""What the rows of deliveries say of an order."""

from ordereats.chassis.db.pool import Reader, Row
from ordereats.contracts.ids import OrderId

_OF_ORDER = """
with brought as (
    select id, created_at, status, picked_up_at, delivered_at
    from deliveries where order_id = $1
)
select created_at as at, 'delivery/' || id as subject, 'delivery ' || status as what,
    0 as attempts, null as error
from brought
union all
select picked_up_at, 'delivery/' || id, 'picked up', 0, null
from brought where picked_up_at is not null
union all
select delivered_at, 'delivery/' || id, 'dropped off', 0, null
from brought where delivered_at is not null
order by at
"""


async def of_order(reader: Reader, order_id: OrderId) -> list[Row]:
    """See `chassis.story.facts_of`."""
    return await reader.fetch(_OF_ORDER, order_id)
