-- Version 2: publishing from SQL. A row that never outlives its transaction, which a deferred trigger appends at COMMIT: so
-- the appends' lock is held for the end of that transaction alone.
CREATE UNLOGGED TABLE updraft.staged (
    n     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    name  text NOT NULL,
    key   text,
    data  text,
    id    text COLLATE "C" UNIQUE,
    digest bigint NOT NULL
);

-- Publishes an event of a topic when the transaction commits, and only then. Without data it is the end of its key. Of the same
-- id one is published, however often it is tried; with another content it is an error.
CREATE FUNCTION updraft.publish(topic text, name text, key text, data jsonb, id text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $$
#variable_conflict use_variable
DECLARE
    v_escape CONSTANT text := chr(1114111);
    v_key CONSTANT text := replace(key, v_escape, v_escape || '1');
    -- Longer than any that a client can choose.
    v_id CONSTANT text := 'sql:' || encode(sha256(convert_to(id, 'UTF8')), 'hex');
    v_digest CONSTANT bigint := hashtextextended(jsonb_build_array(topic, name, key, data)::text, 0);
BEGIN
    IF topic IS NULL OR topic !~ '^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$' THEN
        RAISE EXCEPTION 'a topic''s name is ASCII letters, digits, _ and - between single dots, not %', quote_nullable(topic)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF topic LIKE 'updraft.%' THEN
        RAISE EXCEPTION 'topics that begin with updraft. are the server''s own: not %', quote_literal(topic)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF name IS NULL OR name = '' OR octet_length(name) > 128 OR name ~ '[\u0001-\u001f\u007f-\u009f]'
        OR name ~ '^(topic|stream|server|auth)\.' THEN
        RAISE EXCEPTION 'an event''s name is 1 to 128 bytes without control characters, and does not begin with topic., '
            'stream., server. or auth.: not %', quote_nullable(name) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(topic) > 2000 OR octet_length(v_key) > 2000 THEN     -- an index takes no longer ones
        RAISE EXCEPTION 'a topic''s name and a key are 2000 bytes at most' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF key IS NULL AND data IS NULL THEN
        RAISE EXCEPTION 'an event without data is the end of a key, and needs one' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM updraft.staged AS s WHERE s.id = v_id AND s.digest <> v_digest) THEN
        RAISE EXCEPTION 'the id % was used before, with another content', quote_literal(id) USING ERRCODE = 'UD002';
    END IF;
    INSERT INTO updraft.staged AS s (topic, name, key, data, id, digest)
    VALUES (topic, name, v_key, data::text, v_id, v_digest)
    ON CONFLICT DO NOTHING;
END $$;

-- By the index, whatever a plan of another day thinks of the size of the table: what was taken along leaves its rows behind until
-- the transaction has ended.
CREATE FUNCTION updraft.is_staged(p_n bigint) RETURNS boolean LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT EXISTS (SELECT FROM updraft.staged WHERE n = p_n)
$$;

-- Appends all that its transaction published, in one batch.
CREATE FUNCTION updraft.append_staged() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_topic text[]; v_name text[]; v_key text[]; v_data text[]; v_id text[]; v_digest bigint[]; v_count int;
    v_outcome int[];
BEGIN
    IF NOT updraft.is_staged(NEW.n) THEN            -- an earlier one of the same transaction took it along
        RETURN NULL;
    END IF;
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN   -- nodes tell their readers what is committed
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    PERFORM pg_notify('updraft', '');               -- so that PREPARE TRANSACTION fails, though nothing be appended
    WITH gone AS (DELETE FROM updraft.staged RETURNING *)
    SELECT array_agg(topic ORDER BY n), array_agg(name ORDER BY n), array_agg(key ORDER BY n), array_agg(data ORDER BY n),
           array_agg(id ORDER BY n), array_agg(digest ORDER BY n), count(*)
    INTO v_topic, v_name, v_key, v_data, v_id, v_digest, v_count FROM gone;
    SELECT outcome INTO v_outcome FROM updraft.append(NULL, NULL, v_topic, array_fill(1, ARRAY[v_count]),
        array_fill(NULL::bigint, ARRAY[v_count]), v_id, v_digest, array_fill(NULL::text, ARRAY[v_count]),
        (SELECT array_agg(n) FROM generate_series(1, v_count) AS n), v_name, v_key, v_data,
        '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');
    IF 2 = ANY (v_outcome) THEN
        RAISE EXCEPTION 'an id was used before, with another content' USING ERRCODE = 'UD002';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER append AFTER INSERT ON updraft.staged DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION updraft.append_staged();

-- Only those who are told may (docs/postgres.md).
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA updraft FROM PUBLIC;
