-- Files that are to be removed: written with the row that goes, carried out after the commit.
create table removals (
  id text primary key not null,
  photo_uuid text not null,
  -- Keys of the storage.
  keys text not null,
  due text not null,
  -- How often they were removed; repeats: again, for what an upload or a late attempt stores afterwards.
  runs integer not null default 0,
  repeats integer not null
);
create index removals_due on removals (due);

-- Parts of the sweep that run seldom: when next, and how far the last run came.
create table turns (
  name text primary key not null,
  due text not null default '1970-01-01T00:00:00.000Z',
  position text
);
insert into turns (name) values ('events'), ('unfinished');

-- When the original of a failed photo was removed.
alter table photos add column source_removed_at text;
create index photos_failed_originals on photos (updated_at)
  where status = 'failed' and source_removed_at is null and substr(url, 1, 10) = 'originals/';
