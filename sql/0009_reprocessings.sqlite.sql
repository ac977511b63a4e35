-- Requests to process again all photos that fit a filter: what is left of them.
create table reprocessings (
  id text primary key not null,
  filters text not null,
  -- The photo up to which they are queued, in the order of creation.
  last_created_at text,
  last_uuid text,
  traceparent text,
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
