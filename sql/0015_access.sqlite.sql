-- Keys that clients call with; of the secret only a hash is kept. `scopes` and `projects` are JSON.
create table api_keys (
  id text primary key not null,
  name text not null,
  secret_hash text not null,
  -- The secret before the last roll, which holds until `previous_until`.
  previous_hash text,
  previous_until text,
  scopes text not null,
  projects text not null,
  rate_limit integer,
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  expires_at text,
  revoked_at text,
  last_used_at text
);

-- What links, tokens and sessions are signed with: the newest signs, each verifies.
create table signing_keys (
  kid text primary key not null,
  secret text not null,
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

-- The key with which a photo was added: it sees the query of its source's URL.
alter table photos add column key_id text;
