-- A transaction of its own: it reads all orders, and must not hold a lock that writers wait for.

alter table orders validate constraint orders_user_exists;

alter table orders validate constraint orders_restaurant_exists;
