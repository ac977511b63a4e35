-- Which row names a file, whatever the file is called.
create index photo_thumbnails_url on photo_thumbnails (url);
create index photos_original on photos (url) where substr(url, 1, 10) = 'originals/';
