-- What a project may add, and what it has added on one day. A quota that is null is that of the configuration.
create table project_quotas (
  id bigint primary key not null,
  photos_per_day bigint,
  bytes_per_day bigint,
  waiting bigint,
  -- The day in UTC that the counts are of, as 2026-01-31.
  day text not null default '',
  photos_today bigint not null default 0,
  bytes_today bigint not null default 0
);

-- How much of a project is not done yet.
create index photos_waiting on photos (project_id)
  where project_id is not null and status in ('init', 'pending', 'processing');
