-- The order of events, given by the database, whatever the clocks of those who write them say.
create table ordered_events (
  seq integer primary key autoincrement not null,
  id text unique not null,
  photo_uuid text,
  type text not null,
  at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  attempt integer,
  detail text,
  data text,
  publish_after text,
  published_at text,
  project_id integer,
  traceparent text,
  lane text
);
insert into ordered_events (id, photo_uuid, type, at, attempt, detail, data, publish_after, published_at, project_id, traceparent, lane)
  select id, photo_uuid, type, at, attempt, detail, data, publish_after, published_at, project_id, traceparent, lane
  from events order by id;
drop table events;
alter table ordered_events rename to events;

create index events_outbox on events (publish_after)
  where published_at is null and publish_after is not null and lane is null;
create index events_photo on events (photo_uuid, seq, id);
create index events_project on events (project_id, seq, id) where project_id is not null;
create index events_lane on events (lane, seq, id) where lane is not null;
-- What subscribers get; and what of it they got late, because the broker was away or its transaction long.
create index events_live on events (seq, id)
  where type in ('image.processing', 'image.retrying', 'image.uploaded', 'image.failed', 'image.deleted');
create index events_late on events (published_at)
  where julianday(published_at) - julianday(at) > 10.0 / 86400
    and type in ('image.processing', 'image.retrying', 'image.uploaded', 'image.failed', 'image.deleted');
-- What the figures of the last minutes count.
create index events_ended on events (at) where type in ('image.uploaded', 'image.failed');

-- When the next attempt of a photo may begin, and why the last one failed.
alter table photos add column retry_at text;
alter table photos add column retry text;
