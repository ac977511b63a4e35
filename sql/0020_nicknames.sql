create index photos_nickname on photos (nickname) where nickname is not null;
