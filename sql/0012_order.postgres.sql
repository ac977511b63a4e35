-- The order of events, given by the database, whatever the clocks of those who write them say. Those of earlier versions have 0,
-- and are in the order of their ids.
create sequence events_seq as bigint;
alter table events add column seq bigint not null default 0;
alter table events alter column seq set default nextval('events_seq');
alter sequence events_seq owned by events.seq;

drop index events_photo;
create index events_photo on events (photo_uuid, seq, id);
drop index events_project;
create index events_project on events (project_id, seq, id) where project_id is not null;
drop index events_lane;
create index events_lane on events (lane, seq, id) where lane is not null;
-- What subscribers get; and what of it they got late, because the broker was away or its transaction long.
drop index events_live;
create index events_live on events (seq, id)
  where type in ('image.processing', 'image.retrying', 'image.uploaded', 'image.failed', 'image.deleted');
create index events_late on events (published_at)
  where published_at - at > interval '10 seconds'
    and type in ('image.processing', 'image.retrying', 'image.uploaded', 'image.failed', 'image.deleted');
-- What the figures of the last minutes count.
create index events_ended on events (at) where type in ('image.uploaded', 'image.failed');

-- When the next attempt of a photo may begin, and why the last one failed.
alter table photos add column retry_at timestamptz(3);
alter table photos add column retry jsonb;
