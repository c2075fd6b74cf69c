alter table deliveries add column estimated_from text;

comment on column deliveries.estimated_from is
'how the way to the customer is known: streets, crow_flies, usual; null: of before this was noted';
