-- Requests to process again all photos that fit a filter: what is left of them.
create table reprocessings (
  id uuid primary key,
  filters jsonb not null,
  -- The photo up to which they are queued, in the order of creation.
  last_created_at timestamptz(3),
  last_uuid uuid,
  traceparent text,
  created_at timestamptz(3) not null default now()
);
