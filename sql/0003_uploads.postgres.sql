-- What was confirmed of an uploaded original, and when the sweep looks next for an upload that nobody confirmed.
alter table photos add column source_etag text;
alter table photos add column source_bytes bigint;
alter table photos add column check_after timestamptz(3);
create index photos_check on photos (check_after) where status = 'init';

-- Subscribers of a project: what they missed is replayed by time.
alter table events add column project_id bigint;
create index events_live on events (id) where type in ('image.processing', 'image.uploaded', 'image.failed', 'image.deleted');
create index events_project on events (project_id, id) where project_id is not null;
