-- To which database the files of a storage belong: an id that both hold, renewed at each search for files without a row. A copy of
-- this database, or one that was restored, has an older one. next: the one that is about to take its place.
create table storage_owner (
  id text,
  next text
);
insert into storage_owner (id) values (null);

insert into turns (name) values ('orphans'), ('dead');
