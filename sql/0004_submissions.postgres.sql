-- What the v1 door lists by status.
create index photos_door_status on photos (door, status, created_at, uuid);

-- First answers to requests that carry an Idempotency-Key, for those that come again: text, since jsonb sorts its keys.
create table idempotency_keys (
  route text not null,
  key text not null,
  fingerprint text not null,
  status integer not null,
  headers text not null,
  body text not null,
  created_at timestamptz(3) not null default now(),
  primary key (route, key)
);
create index idempotency_keys_created_at on idempotency_keys (created_at);
