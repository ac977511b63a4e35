-- Files that are to be removed: written with the row that goes, carried out after the commit.
create table removals (
  id uuid primary key,
  photo_uuid uuid not null,
  -- Keys of the storage.
  keys jsonb not null,
  due timestamptz(3) not null,
  -- How often they were removed; repeats: again, for what an upload or a late attempt stores afterwards.
  runs smallint not null default 0,
  repeats boolean not null
);
create index removals_due on removals (due);

-- Parts of the sweep that run seldom: when next, and how far the last run came.
create table turns (
  name text primary key,
  due timestamptz(3) not null default '1970-01-01T00:00:00Z',
  position text
);
insert into turns (name) values ('events'), ('unfinished');

-- When the original of a failed photo was removed.
alter table photos add column source_removed_at timestamptz(3);
create index photos_failed_originals on photos (updated_at)
  where status = 'failed' and source_removed_at is null and substr(url, 1, 10) = 'originals/';
