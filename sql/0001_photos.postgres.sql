create type photo_status as enum ('init', 'pending', 'processing', 'completed', 'failed');

-- Database time plus a number of milliseconds, in the precision of the columns. SQLite has the same, from lib/db/sqlite.ts.
create function now_plus(ms double precision) returns timestamptz language sql volatile as
  $$ select date_trunc('milliseconds', clock_timestamp() + ms * interval '1 millisecond') $$;

create table photos (
  uuid uuid primary key default gen_random_uuid(),
  url text not null,
  status photo_status not null default 'pending',
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  door text not null default 'photos',
  project_id bigint,
  name text,
  recipe jsonb,
  url_hash text,
  queued_at timestamptz(3),
  attempts integer not null default 0,
  lease_until timestamptz(3),
  lease_token uuid,
  error_code text,
  error text,
  metadata jsonb
);

create table photo_thumbnails (
  uuid uuid primary key default gen_random_uuid(),
  photo_uuid uuid not null references photos (uuid) on delete cascade,
  name text not null default 'thumbnail',
  width smallint not null,
  height smallint not null,
  url text not null,
  format text not null default 'jpeg',
  bytes integer not null default 0,
  created_at timestamptz(3) not null default now(),
  unique (photo_uuid, name)
);

create table events (
  id uuid primary key,
  photo_uuid uuid,
  type text not null,
  at timestamptz(3) not null default now(),
  attempt integer,
  detail text,
  data jsonb,
  publish_after timestamptz(3),
  published_at timestamptz(3)
);
