-- What the v1 door lists by status.
create index photos_door_status on photos (door, status, created_at, uuid);

-- First answers to requests that carry an Idempotency-Key, for those that come again.
create table idempotency_keys (
  route text not null,
  key text not null,
  fingerprint text not null,
  status integer not null,
  headers text not null,
  body text not null,
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  primary key (route, key)
);
create index idempotency_keys_created_at on idempotency_keys (created_at);
