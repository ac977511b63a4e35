alter table photos add column source_etag text;
alter table photos add column source_bytes integer;
alter table photos add column check_after text;
create index photos_check on photos (check_after) where status = 'init';

alter table events add column project_id integer;
create index events_live on events (id) where type in ('image.processing', 'image.uploaded', 'image.failed', 'image.deleted');
create index events_project on events (project_id, id) where project_id is not null;
