-- At most QUEUE_WINDOW messages of a lane (a project, or a door where there is no project) are in the broker at a time.
-- Since when a photo's message has waited in the outbox, for its time or its turn; null: it is published, or about to be.
alter table photos add column held_at text;
-- The lane in which a message waits for its turn; null: it needs none.
alter table events add column lane text;

-- What a lane has in the broker, and what waits in it.
create index photos_lane on photos (coalesce(cast(project_id as text), door))
  where status = 'pending' and queued_at is not null and held_at is null;
create index events_lane on events (lane, id) where lane is not null;

drop index events_outbox;
create index events_outbox on events (publish_after)
  where published_at is null and publish_after is not null and lane is null;
