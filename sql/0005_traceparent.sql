-- The trace (W3C Trace Context) that a photo's processing belongs to, and that the messages of an event carry.
alter table photos add column traceparent text;
alter table events add column traceparent text;
