"""What the rows of payments say of an order."""

from ordereats.chassis.db.pool import Reader, Row
from ordereats.contracts.ids import OrderId

_OF_ORDER = """
with paid as (
    select id, created_at, status, decline_reason, attempts, last_error
    from payments where order_id = $1
)
select created_at as at, 'payment/' || id as subject,
    'payment ' || status || coalesce(': ' || decline_reason, '') as what, attempts,
    split_part(last_error, ' ', 1) as error
from paid
union all
select journals.at, 'payment/' || payment_id, 'ledger ' || kind, 0, null
from journals where payment_id in (select id from paid)
union all
select created_at, 'payment/' || payment_id, 'refund ' || status, attempts,
    split_part(last_error, ' ', 1)
from refunds where payment_id in (select id from paid)
order by at
"""


async def of_order(reader: Reader, order_id: OrderId) -> list[Row]:
    """See `chassis.story.facts_of`."""
    return await reader.fetch(_OF_ORDER, order_id)
