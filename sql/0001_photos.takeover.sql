-- What 0001_photos.postgres.sql lacks where another program has made photos and photo_thumbnails: their rows and columns stay.
alter table photos alter column uuid set default gen_random_uuid();
alter table photos alter column status set default 'pending';
update photos set status = 'pending' where status is null;
alter table photos alter column status set not null;
-- Times without a zone are of the zone that the database is set to, and those finer than cursors hold are rounded.
set local timezone to default;
alter table photos alter column created_at drop default;
alter table photos alter column created_at type timestamptz(3);
update photos set created_at = now() where created_at is null;
alter table photos alter column created_at set default now();
alter table photos alter column created_at set not null;
alter table photos
  add column if not exists updated_at timestamptz(3) not null default now(),
  add column if not exists door text not null default 'photos',
  add column if not exists project_id bigint,
  add column if not exists name text,
  add column if not exists recipe jsonb,
  add column if not exists url_hash text,
  add column if not exists queued_at timestamptz(3),
  add column if not exists attempts integer not null default 0,
  add column if not exists lease_until timestamptz(3),
  add column if not exists lease_token uuid,
  add column if not exists error_code text,
  add column if not exists error text,
  add column if not exists metadata jsonb;

alter table photo_thumbnails alter column uuid set default gen_random_uuid();
alter table photo_thumbnails alter column created_at drop default;
alter table photo_thumbnails alter column created_at type timestamptz(3);
update photo_thumbnails set created_at = now() where created_at is null;
alter table photo_thumbnails alter column created_at set default now();
alter table photo_thumbnails alter column created_at set not null;
alter table photo_thumbnails
  add column if not exists name text not null default 'thumbnail',
  add column if not exists format text not null default 'jpeg',
  add column if not exists bytes integer not null default 0;
update photo_thumbnails set format = lower(substring(url from '[.]([A-Za-z]+)$'))
  where lower(substring(url from '[.]([A-Za-z]+)$')) in ('png', 'webp', 'avif');
-- The newest thumbnail of a photo is its image; earlier ones stay beside it.
update photo_thumbnails set name = 'thumbnail_' || older.place
  from (
    select uuid, row_number() over (partition by photo_uuid order by created_at desc, uuid) as place from photo_thumbnails
  ) as older
  where older.uuid = photo_thumbnails.uuid and older.place > 1;
alter table photo_thumbnails add unique (photo_uuid, name);
-- A photo takes its thumbnails along when it is removed.
do $$ declare made record; begin
  for made in select conname from pg_constraint where contype = 'f' and conrelid = 'photo_thumbnails'::regclass
      and confrelid = 'photos'::regclass
  loop execute format('alter table photo_thumbnails drop constraint %I', made.conname); end loop; end $$;
alter table photo_thumbnails add foreign key (photo_uuid) references photos (uuid) on delete cascade;
set local timezone = 'UTC';
