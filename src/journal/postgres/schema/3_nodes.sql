-- Version 3: the nodes that others forward requests to, each for as long as it says that it lives.
CREATE TABLE updraft.nodes (
    name   text COLLATE "C" PRIMARY KEY,    -- what the ids of its sessions begin with
    url    text NOT NULL,
    secret text NOT NULL,                   -- known to nodes alone
    until  timestamptz NOT NULL
);
