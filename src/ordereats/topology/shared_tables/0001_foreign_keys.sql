-- What only a shared database can promise: an order belongs to a user and to a restaurant.
-- In the services topology these tables stand in three databases, and a call asks instead.

alter table orders
add constraint orders_user_exists foreign key (user_id) references users (id) not valid;

alter table orders
add constraint orders_restaurant_exists foreign key (restaurant_id) references restaurants (id)
not valid;
