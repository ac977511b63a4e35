-- When the processing that a worker does was requested: queued_at says it only while the photo waits for a worker.
alter table photos add column requested_at timestamptz(3);
-- Left over from earlier runs, it would say that a photo is queued when its status is set to pending by hand.
update photos set queued_at = null where queued_at is not null and status in ('init', 'completed', 'failed');
