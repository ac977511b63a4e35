-- The client's own id of a photo, and its own keys and values.
alter table photos add column reference text;
alter table photos add column labels text check (json_type(labels) = 'object');
create index photos_reference on photos (reference, created_at, uuid) where reference is not null;

-- The labels as `key:value`, in the order of lists: written by the triggers below, read by the filter.
create table photo_labels (
  photo_uuid text not null references photos (uuid) on delete cascade,
  label text not null,
  project_id integer,
  created_at text not null,
  primary key (photo_uuid, label)
);
create index photo_labels_label on photo_labels (label, created_at, photo_uuid);
create index photo_labels_project on photo_labels (project_id, label, created_at, photo_uuid) where project_id is not null;

create trigger photos_labels_added after insert on photos when new.labels is not null begin
  insert into photo_labels (photo_uuid, label, project_id, created_at)
    select new.uuid, key || ':' || value, new.project_id, new.created_at from json_each(new.labels); end;
create trigger photos_labels_changed after update of labels, project_id, created_at on photos
  when old.labels is not null or new.labels is not null begin
  delete from photo_labels where photo_uuid = new.uuid; insert into photo_labels (photo_uuid, label, project_id, created_at)
    select new.uuid, key || ':' || value, new.project_id, new.created_at from json_each(new.labels); end;

-- How many photos a request may still queue; null: as many as fit its filter.
alter table reprocessings add column remaining integer;

-- Requests to delete all photos that fit a filter: what is left of them.
create table deletions (
  id text primary key not null,
  filters text not null,
  -- The photo up to which they are deleted, in the order of creation.
  last_created_at text,
  last_uuid text,
  traceparent text,
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  remaining integer
);
