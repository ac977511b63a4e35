create table photos (
  uuid text primary key not null default (
    lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||
      substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
  url text not null,
  status text not null default 'pending'
    check (status in ('init', 'pending', 'processing', 'completed', 'failed')),
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  door text not null default 'photos',
  project_id integer,
  name text,
  recipe text,
  url_hash text,
  queued_at text,
  attempts integer not null default 0,
  lease_until text,
  lease_token text,
  error_code text,
  error text,
  metadata text
);

create table photo_thumbnails (
  uuid text primary key not null default (
    lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||
      substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
  photo_uuid text not null references photos (uuid) on delete cascade,
  name text not null default 'thumbnail',
  width integer not null,
  height integer not null,
  url text not null,
  format text not null default 'jpeg',
  bytes integer not null default 0,
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  unique (photo_uuid, name)
);

create table events (
  id text primary key not null,
  photo_uuid text,
  type text not null,
  at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  attempt integer,
  detail text,
  data text,
  publish_after text,
  published_at text
);
