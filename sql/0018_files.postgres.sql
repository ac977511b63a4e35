-- Which row names a file, whatever the file is called. A row inserted by hand may have a URL too long for a B-tree.
create index photo_thumbnails_url on photo_thumbnails using hash (url);
create index photos_original on photos using hash (url) where substr(url, 1, 10) = 'originals/';
