alter table photos add column nickname text;

create table deliveries (
  event_id text not null,
  target text not null,
  body text,
  attempts integer not null default 0,
  due text,
  error text,
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  primary key (event_id, target)
);
create index deliveries_due on deliveries (target, due) where due is not null;
create index deliveries_created_at on deliveries (created_at);

create table stopped_targets (
  target text primary key not null,
  stopped_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
