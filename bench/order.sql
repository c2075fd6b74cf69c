-- What placing an order stores, as pgbench runs it: an order and its fact, one row a transaction.
\set user random(1, 100)
\set restaurant random(1, 100)
with placed as (
    insert into orders (
        user_id, restaurant_id, items, subtotal_minor, delivery_fee_minor, service_fee_minor,
        tip_minor, tax_included_minor, total_minor, currency, status, version, created_at,
        updated_at, due_at, correlation_id
    )
    values (
        :user, :restaurant, '[{"name": "Pho", "qty": 2}]', 2500, 0, 0, 0, 297, 2500, 'EUR',
        'pending', 1, now(), now(), now() + interval '30 minutes', 'bench'
    )
    returning id, user_id, restaurant_id
)
insert into outbox (id, type, source, subject, version, time, correlation_id, data)
select
    uuidv7(), 'ordereats.order.placed.v1', 'orders', 'order/' || id, 1, now(), 'bench',
    json_build_object(
        'type', 'ordereats.order.placed.v1', 'orderId', id, 'userId', user_id,
        'restaurantId', restaurant_id, 'total', '{"amount": "25.00", "currency": "EUR"}'::json,
        'paymentMethod', 'pm_card_visa'
    )
from placed;
