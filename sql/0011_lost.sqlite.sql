-- When a photo's message was published after its turn, or again; null, or before queued_at: when the photo was queued.
alter table photos add column published_at text;
-- When the sweep last found that the queue lacks its message; a claim forgets it.
alter table photos add column missing_at text;
