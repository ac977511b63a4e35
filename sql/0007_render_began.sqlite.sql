-- When a render of the current attempt began: an attempt whose worker died before is given back, a limited number of times.
alter table photos add column render_began_at text;
alter table photos add column given_back integer not null default 0;
