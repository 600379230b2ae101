-- Another application's own table: the order and its task are there together, or neither is.
create table orders (id int generated always as identity primary key, total numeric not null);

create function order_placed() returns trigger language plpgsql as $$
begin
    perform enqueue_task('toy.set', jsonb_build_object('row_id', 100 + new.id, 'value', new.total::text),
                         dedupe_key => 'order ' || new.id);
    return null;
end $$;

create trigger order_placed after insert on orders for each row execute function order_placed();

insert into orders (total) values (12.50);
