create index photos_created_at on photos (created_at, uuid);
create index photos_status on photos (status, created_at, uuid);
create index photos_door on photos (door, created_at, uuid);
create index photos_project on photos (project_id, created_at, uuid) where project_id is not null;
create index photos_name on photos (name, created_at, uuid) where name is not null;
create index photos_error_code on photos (error_code, created_at, uuid) where error_code is not null;
create index photos_url_hash on photos (url_hash, door) where url_hash is not null;
-- What the sweep looks for.
create index photos_lease on photos (lease_until) where status = 'processing';
create index photos_queued on photos (queued_at) where status = 'pending' and queued_at is not null;
-- A photo's timeline, and the outbox.
create index events_photo on events (photo_uuid, id);
create index events_outbox on events (publish_after) where published_at is null and publish_after is not null;
