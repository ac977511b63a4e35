alter table photos add column nickname text;

-- What is to be told to whom; a row stays, so that an event that comes again is not told twice.
create table deliveries (
  event_id uuid not null,
  target text not null,
  body text,
  attempts integer not null default 0,
  due timestamptz(3),
  error text,
  created_at timestamptz(3) not null default now(),
  primary key (event_id, target)
);
create index deliveries_due on deliveries (target, due) where due is not null;
create index deliveries_created_at on deliveries (created_at);

-- Targets that said to be gone (410): nothing more is sent there until the row is deleted.
create table stopped_targets (
  target text primary key,
  stopped_at timestamptz(3) not null default now()
);
