-- Version 1: the journal. docs/postgres.md explains the tables.
-- Locked by each batch, and updated by none. The epoch is that of `meta`, so that one look-up serves for both.
CREATE TABLE updraft.lock (one int PRIMARY KEY CHECK (one = 1), epoch text NOT NULL DEFAULT '');
INSERT INTO updraft.lock VALUES (1);

CREATE SEQUENCE updraft.seq;

CREATE TABLE updraft.topics (
    id    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text COLLATE "C" NOT NULL UNIQUE,
    floor bigint NOT NULL DEFAULT 0
);
CREATE INDEX topics_by_floor ON updraft.topics (floor);     -- nodes look at the highest

CREATE TABLE updraft.events (
    topic int NOT NULL,
    seq   bigint NOT NULL,
    time  bigint NOT NULL,
    name  text NOT NULL,
    key   text COLLATE "C",
    data  text,
    PRIMARY KEY (topic, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
-- What the tail goes along. An expression, so that no page of one topic is looked for in the events of all.
CREATE INDEX events_in_order ON updraft.events ((seq + 0));
-- What a key's last event is, and the events without one.
CREATE INDEX events_by_key ON updraft.events (topic, key, seq);

-- The last event of each key that has not ended, as of the event `settled`. No batch writes it: a row that each batch updates
-- gets slower beside a transaction that stays open. What is newer is found by its key (`backlog`).
CREATE TABLE updraft.latest (
    topic int NOT NULL,
    key   text COLLATE "C" NOT NULL,
    seq   bigint NOT NULL,
    PRIMARY KEY (topic, key)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX latest_by_seq ON updraft.latest (topic, seq);
CREATE TABLE updraft.settled (seq bigint NOT NULL) WITH (fillfactor = 20);
INSERT INTO updraft.settled VALUES (0);

CREATE TABLE updraft.once (
    key    text COLLATE "C" PRIMARY KEY,
    time   bigint NOT NULL,
    digest bigint NOT NULL,
    first  bigint NOT NULL,
    last   bigint NOT NULL,
    answer text
);
CREATE INDEX once_by_time ON updraft.once (time);

CREATE TABLE updraft.batches (
    id      uuid PRIMARY KEY,
    time    bigint NOT NULL,
    before  bigint NOT NULL,
    outcome int[],                  -- none of these where all was appended behind `before`
    first   bigint[],
    last    bigint[],
    at      bigint[]
);

-- The highest of each counts; `expire` removes the others.
CREATE TABLE updraft.consumers (
    topic text COLLATE "C" NOT NULL,
    name  text COLLATE "C" NOT NULL,
    seq   bigint NOT NULL,
    PRIMARY KEY (topic, name, seq)
);

CREATE TABLE updraft.leases (
    name  text COLLATE "C" PRIMARY KEY,
    node  uuid NOT NULL,
    token bigint NOT NULL,
    until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Milliseconds since 1970. What each batch calls is not written in SQL: that would be planned anew each time.
CREATE FUNCTION updraft.now() RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
END $$;

-- The cluster, its timeline and this database: another one is another history. On a standby it is an error.
CREATE FUNCTION updraft.identity() RETURNS text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || oid
            FROM pg_control_system(), pg_database WHERE datname = current_database());
END $$;

-- The identity with the epoch: a node that knows another one asks what that means (`identify`). A server process keeps its
-- identity as long as it lives, so it finds it out once, and remembers it in a setting that another's cannot be taken for.
CREATE FUNCTION updraft.history() RETURNS text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_process CONSTANT text := pg_backend_pid() || ' ';
    v_known text := current_setting('updraft.identity', true);
BEGIN
    IF v_known IS NULL OR NOT starts_with(v_known, v_process) THEN
        v_known := v_process || updraft.identity();
        PERFORM set_config('updraft.identity', v_known, false);
    END IF;
    RETURN substr(v_known, length(v_process) + 1) || '/' || (SELECT l.epoch FROM updraft.lock AS l);
END $$;

-- A batch decides by what is there once it has the lock. A snapshot from before that would leave out what others just appended.
CREATE FUNCTION updraft.require_read_committed() RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'nodes need READ COMMITTED: ALTER ROLE % SET default_transaction_isolation = ''read committed''',
            quote_ident(current_user) USING ERRCODE = 'UD004';
    END IF;
END $$;

-- The epoch of this history. Another identity goes on with the epoch only where a synchronous standby had all that was acked,
-- and where the node that asks was not told of an event of that epoch (`p_epoch`, `p_told`) that is not there.
CREATE FUNCTION updraft.identify(p_fresh text, p_epoch text, p_told bigint, OUT epoch text, OUT history text, OUT is_replaced boolean)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_identity text;
    v_known text;
    v_synchronous text;
    v_last bigint;
BEGIN
    PERFORM updraft.require_read_committed();
    PERFORM 1 FROM updraft.lock FOR UPDATE;
    v_identity := updraft.identity();
    SELECT greatest((SELECT max(seq + 0) FROM updraft.events), (SELECT max(floor) FROM updraft.topics), 0) INTO v_last;
    SELECT value INTO epoch FROM updraft.meta WHERE name = 'epoch';
    SELECT value INTO v_known FROM updraft.meta WHERE name = 'identity';
    SELECT value INTO v_synchronous FROM updraft.meta WHERE name = 'synchronous';
    is_replaced := p_epoch = epoch AND p_told > v_last OR v_known <> v_identity
        AND NOT (v_synchronous = 'yes' AND split_part(v_known, '/', 1) = split_part(v_identity, '/', 1)
                                       AND split_part(v_known, '/', 3) = split_part(v_identity, '/', 3));
    IF epoch IS NULL OR is_replaced THEN
        epoch := p_fresh;
    END IF;
    is_replaced := coalesce(is_replaced, false);
    INSERT INTO updraft.meta AS m (name, value)
    VALUES ('epoch', epoch), ('identity', v_identity),
           ('synchronous', CASE WHEN current_setting('synchronous_standby_names') <> ''
                                 AND current_setting('synchronous_commit') NOT IN ('off', 'local') THEN 'yes' ELSE 'no' END)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE m.value <> excluded.value;
    UPDATE updraft.lock AS l SET epoch = identify.epoch WHERE l.epoch <> identify.epoch;
    history := v_identity || '/' || epoch;
END $$;

CREATE FUNCTION updraft.head(p_topic int, p_floor bigint) RETURNS bigint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN greatest(p_floor, (SELECT seq FROM updraft.events WHERE topic = p_topic ORDER BY seq DESC LIMIT 1));
END $$;

CREATE FUNCTION updraft.bounds(p_topic text, OUT head bigint, OUT floor bigint) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT updraft.head(id, t.floor), t.floor FROM updraft.topics AS t WHERE name = p_topic
$$;

-- One batch of events that expect nothing, are no answer to a call that may be tried again, and are not told with offsets:
-- nearly all are. Topics (t), events (e). They are appended behind `before`, at the time `at`. As small as can be: it is what
-- every publish waits for, one after the other.
CREATE FUNCTION updraft.append_events(
    p_batch uuid, p_is_retry boolean, p_history text,
    t_name text[], e_topic int[], e_name text[], e_key text[], e_data text[],
    OUT before bigint, OUT at bigint
) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off SET lock_timeout = '8s'
AS $$
#variable_conflict use_column
DECLARE
    v_count CONSTANT int := cardinality(e_name);
    v_epoch text;
    v_id int;
    v_ids int[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM updraft.require_read_committed();
    END IF;
    SELECT l.epoch INTO v_epoch FROM updraft.lock AS l FOR UPDATE;
    IF current_setting('updraft.identity', true) || '/' || v_epoch IS DISTINCT FROM pg_backend_pid() || ' ' || p_history
        AND p_history <> updraft.history() THEN
        RAISE EXCEPTION 'the database is another one than it was' USING ERRCODE = 'UD003';
    END IF;
    IF p_is_retry THEN
        SELECT b.before, b.time INTO before, at FROM updraft.batches AS b WHERE id = p_batch;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    FOR v_number IN 1 .. cardinality(t_name) LOOP
        SELECT id INTO v_id FROM updraft.topics WHERE name = t_name[v_number];
        IF NOT FOUND THEN
            INSERT INTO updraft.topics (name) VALUES (t_name[v_number]) RETURNING id INTO v_id;
        END IF;
        v_ids[v_number] := v_id;
    END LOOP;
    at := floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
    before := nextval('updraft.seq') - 1;
    IF v_count = 1 THEN
        WITH batch AS (INSERT INTO updraft.batches (id, time, before) VALUES (p_batch, at, before))
        INSERT INTO updraft.events (topic, seq, time, name, key, data)
        VALUES (v_id, before + 1, at, e_name[1], e_key[1], e_data[1]);
    ELSE
        PERFORM setval('updraft.seq', before + v_count);
        WITH batch AS (INSERT INTO updraft.batches (id, time, before) VALUES (p_batch, at, before))
        INSERT INTO updraft.events (topic, seq, time, name, key, data)
        SELECT v_ids[e.topic], before + e.n, at, e.name, e.key, e.data
        FROM unnest(e_topic, e_name, e_key, e_data) WITH ORDINALITY AS e(topic, name, key, data, n);
    END IF;
    -- As an expression, it takes no statement of its own.
    IF pg_notify('updraft', (before + v_count) || ' ' || p_batch) IS NULL THEN
        RETURN;
    END IF;
END $$;

-- One batch, whole: appends (a) with their events (e) and the keys that they expect (k), replies to store (r), offsets (o).
-- Within a batch no append expects anything of what another of the same batch may change, and no idempotency key comes twice.
-- Planned once, as planning costs more than a small batch. So that the plan is right for any size of the tables, each row that it
-- needs of them is looked up by itself, in an index (LATERAL); and jit would compile it anew each time.
-- Outcomes: 0 applied, 1 repeated, 2 another body, 3 the topic ends elsewhere (at `last`), 4 a key has changed (its append's number `first`).
CREATE FUNCTION updraft.append(
    p_batch uuid, p_history text,
    a_topic text[], a_events int[], a_expect bigint[], a_once text[], a_digest bigint[], a_answer text[],
    e_append int[], e_name text[], e_key text[], e_data text[],
    k_append int[], k_number int[], k_key text[], k_seen bigint[],
    r_key text[], r_answer text[],
    o_topic text[], o_consumer text[], o_seq bigint[],
    OUT before bigint, OUT outcome int[], OUT first bigint[], OUT last bigint[], OUT at bigint[]
) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_now bigint;
    v_ids int[];
    v_count bigint;
    v_start bigint;
    v_is_new boolean;
BEGIN
    IF p_batch IS NOT NULL THEN                     -- a node's; what is published from SQL keeps its own settings
        PERFORM updraft.require_read_committed();
        -- Less than nodes wait for an answer: of those that gave up, no connection goes on waiting.
        PERFORM set_config('lock_timeout', '8s', true);
    END IF;
    PERFORM 1 FROM updraft.lock FOR UPDATE;
    IF p_history <> updraft.history() THEN
        RAISE EXCEPTION 'the database is another one than it was' USING ERRCODE = 'UD003';
    END IF;
    SELECT b.before, b.outcome, b.first, b.last, b.at INTO before, outcome, first, last, at
    FROM updraft.batches AS b WHERE id = p_batch;
    IF FOUND THEN
        RETURN;
    END IF;
    v_now := updraft.now();
    -- Of the newest events some may be gone already: what was numbered counts, not what is there.
    before := (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM updraft.seq);

    WITH appends AS (
        SELECT a.n, a.events, a.expect, a.digest, t.id, coalesce(t.floor, 0) AS floor,
            o.digest AS known, o.first, o.last, o.time,
            CASE WHEN a.expect IS NOT NULL OR a.events = 0 THEN coalesce(updraft.head(t.id, t.floor), 0) END AS head
        FROM unnest(a_topic, a_events, a_expect, a_once, a_digest)
            WITH ORDINALITY AS a(topic, events, expect, once, digest, n)
        LEFT JOIN LATERAL (SELECT * FROM updraft.topics WHERE name = a.topic LIMIT 1) AS t ON true
        LEFT JOIN LATERAL (SELECT * FROM updraft.once WHERE key = a.once LIMIT 1) AS o ON true
    ), changed AS (
        SELECT k.append AS n, min(k.number) AS number
        FROM unnest(k_append, k_number, k_key, k_seen) AS k(append, number, key, seen)
        JOIN appends AS a ON a.n = k.append AND a.id IS NOT NULL
        -- In the order of that index, so that no other is gone along.
        LEFT JOIN LATERAL (
            SELECT e.topic, e.key, e.seq, e.data IS NULL AS ended FROM updraft.events AS e
            WHERE (e.topic, e.key, e.seq) <= (a.id, k.key, 9223372036854775807)
            ORDER BY e.topic DESC, e.key DESC, e.seq DESC LIMIT 1
        ) AS l ON l.topic = a.id AND l.key = k.key
        WHERE CASE
            WHEN l.seq IS NULL THEN k.seen <> 0 AND k.seen < a.floor
            WHEN l.ended AND k.seen = 0 THEN false
            ELSE l.seq > k.seen
        END
        GROUP BY k.append
    ), decided AS (
        SELECT a.n, a.id, a.events, a.head, a.first, a.last, a.time, c.number,
            CASE
                WHEN a.known = a.digest THEN 1
                WHEN a.known IS NOT NULL THEN 2
                WHEN a.expect <> a.head THEN 3
                WHEN c.number IS NOT NULL THEN 4
                ELSE 0
            END AS outcome
        FROM appends AS a LEFT JOIN changed AS c USING (n)
    ), counted AS (
        SELECT *, sum(CASE WHEN outcome = 0 THEN events ELSE 0 END) OVER (ORDER BY n) AS upto FROM decided
    )
    SELECT
        coalesce(array_agg(outcome ORDER BY n), '{}'),
        coalesce(array_agg(CASE
            WHEN outcome = 0 AND events > 0 THEN upto - events + 1
            WHEN outcome = 4 THEN number
            ELSE coalesce(first, head, 0)
        END ORDER BY n), '{}'),
        coalesce(array_agg(CASE WHEN outcome = 0 AND events > 0 THEN upto ELSE coalesce(last, head, 0) END ORDER BY n), '{}'),
        coalesce(array_agg(coalesce(time, v_now) ORDER BY n), '{}'),
        array_agg(coalesce(id, 0) ORDER BY n),
        coalesce(max(upto), 0),
        coalesce(bool_or(id IS NULL AND outcome = 0 AND events > 0), false)
    INTO outcome, first, last, at, v_ids, v_count, v_is_new
    FROM counted;

    IF v_count > 0 THEN
        v_start := nextval('updraft.seq') - 1;
        IF v_count > 1 THEN
            PERFORM setval('updraft.seq', v_start + v_count);
        END IF;
        SELECT array_agg(CASE WHEN u.o = 0 AND u.e > 0 THEN v_start + u.f ELSE u.f END ORDER BY u.n),
               array_agg(CASE WHEN u.o = 0 AND u.e > 0 THEN v_start + u.l ELSE u.l END ORDER BY u.n)
        INTO first, last
        FROM unnest(outcome, a_events, first, last) WITH ORDINALITY AS u(o, e, f, l, n);

        IF v_is_new THEN
            INSERT INTO updraft.topics (name)
            SELECT DISTINCT u.topic FROM unnest(a_topic, a_events, outcome, v_ids) AS u(topic, events, outcome, id)
            WHERE u.outcome = 0 AND u.events > 0 AND u.id = 0;
            SELECT array_agg(coalesce(t.id, 0) ORDER BY a.n) INTO v_ids
            FROM unnest(a_topic) WITH ORDINALITY AS a(topic, n) LEFT JOIN updraft.topics AS t ON t.name = a.topic;
        END IF;

        INSERT INTO updraft.events (topic, seq, time, name, key, data)
        SELECT v_ids[e.append], v_start + row_number() OVER (ORDER BY e.n), v_now, e.name, e.key, e.data
        FROM unnest(e_append, e_name, e_key, e_data) WITH ORDINALITY AS e(append, name, key, data, n)
        WHERE outcome[e.append] = 0;

        PERFORM pg_notify('updraft', concat(v_start + v_count, ' ', p_batch));
    END IF;

    INSERT INTO updraft.once (key, time, digest, first, last, answer)
    SELECT u.once, v_now, u.digest, u.first, u.last, u.answer
    FROM unnest(a_once, a_digest, a_answer, outcome, first, last) AS u(once, digest, answer, outcome, first, last)
    WHERE u.once IS NOT NULL AND u.outcome = 0;

    IF cardinality(r_key) > 0 THEN
        EXECUTE 'UPDATE updraft.once AS o SET answer = u.answer
            FROM (
                SELECT DISTINCT ON (key) key, answer FROM unnest($1, $2) WITH ORDINALITY AS r(key, answer, n)
                ORDER BY key, n DESC
            ) AS u
            WHERE o.key = u.key' USING r_key, r_answer;
    END IF;
    IF cardinality(o_topic) > 0 THEN
        INSERT INTO updraft.consumers (topic, name, seq)
        SELECT topic, name, max(seq) FROM unnest(o_topic, o_consumer, o_seq) AS o(topic, name, seq) GROUP BY topic, name
        ON CONFLICT DO NOTHING;
    END IF;
    IF p_batch IS NOT NULL AND cardinality(a_topic) > 0 THEN
        INSERT INTO updraft.batches VALUES (p_batch, v_now, before, outcome, first, last, at);
    END IF;
END $$;

-- The events of a topic, oldest first. It ends after so many bytes of names and data.
CREATE FUNCTION updraft.page(p_topic text, p_after bigint, p_up_to bigint, p_events bigint, p_bytes bigint)
RETURNS TABLE (seq bigint, "time" bigint, name text, key text, data text) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_topic int := (SELECT id FROM updraft.topics WHERE name = p_topic);
    v_bytes bigint := 0;
    e record;
BEGIN
    FOR e IN
        SELECT seq, time, name, key, data FROM updraft.events
        WHERE topic = v_topic AND seq > p_after AND seq <= p_up_to ORDER BY seq LIMIT p_events
    LOOP
        seq := e.seq; time := e.time; name := e.name; key := e.key; data := e.data;
        RETURN NEXT;
        v_bytes := v_bytes + octet_length(e.name) + coalesce(octet_length(e.data), 0);
        EXIT WHEN v_bytes >= p_bytes;
    END LOOP;
END $$;

-- The same of what a new reader needs. Up to where it is settled, along two indexes, as many rows of each as there are in a page,
-- however many events lie between, without the keys that changed since; then what changed. What the settings forbid would look
-- cheaper, and what they cost would be compiled each time (jit).
CREATE FUNCTION updraft.backlog(p_topic text, p_after bigint, p_up_to bigint, p_events bigint, p_bytes bigint)
RETURNS TABLE (seq bigint, "time" bigint, name text, key text, data text) LANGUAGE plpgsql STABLE
SET enable_sort = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_topic int := (SELECT id FROM updraft.topics WHERE name = p_topic);
    v_settled bigint := (SELECT seq FROM updraft.settled);
    v_changed text[];
    v_left bigint := p_events;
    v_bytes bigint := 0;
    e record;
BEGIN
    IF p_after < v_settled THEN
        v_changed := ARRAY(SELECT DISTINCT key FROM updraft.events WHERE topic = v_topic AND seq > v_settled AND key IS NOT NULL);
        FOR e IN
            (SELECT l.seq, e.time, e.name, e.key, e.data
            FROM updraft.latest AS l JOIN updraft.events AS e ON e.topic = l.topic AND e.seq = l.seq
            WHERE l.topic = v_topic AND l.seq > p_after AND l.seq <= p_up_to AND l.key NOT IN (SELECT unnest(v_changed))
            ORDER BY l.seq LIMIT p_events)
            UNION ALL
            (SELECT seq, time, name, key, data FROM updraft.events
            WHERE topic = v_topic AND key IS NULL AND seq > p_after AND seq <= least(p_up_to, v_settled)
            ORDER BY key, seq LIMIT p_events)
            ORDER BY seq LIMIT p_events
        LOOP
            seq := e.seq; time := e.time; name := e.name; key := e.key; data := e.data;
            RETURN NEXT;
            v_left := v_left - 1;
            v_bytes := v_bytes + octet_length(e.name) + coalesce(octet_length(e.data), 0);
            EXIT WHEN v_bytes >= p_bytes;
        END LOOP;
    END IF;
    IF v_left < p_events AND (v_left = 0 OR v_bytes >= p_bytes) THEN     -- a page has an event, whatever it may have of bytes
        RETURN;
    END IF;
    FOR e IN
        SELECT e.seq, e.time, e.name, e.key, e.data FROM updraft.events AS e
        WHERE e.topic = v_topic AND e.seq > greatest(p_after, v_settled) AND e.seq <= p_up_to AND (e.key IS NULL
            OR e.data IS NOT NULL
            AND NOT EXISTS (SELECT FROM updraft.events AS n WHERE n.topic = v_topic AND n.key = e.key AND n.seq > e.seq))
        ORDER BY e.seq LIMIT v_left
    LOOP
        seq := e.seq; time := e.time; name := e.name; key := e.key; data := e.data;
        RETURN NEXT;
        v_bytes := v_bytes + octet_length(e.name) + coalesce(octet_length(e.data), 0);
        EXIT WHEN v_bytes >= p_bytes;
    END LOOP;
END $$;

-- A look at the journal by a node that follows it: its history, how far anything was removed, the last number that was given, and
-- the events of all topics beyond one, oldest first; a row without an event where there is none. It ends after so many bytes of
-- names and data. All is of one moment, but the last number, which may be later. Sorts are forbidden as the index has the order; what
-- they would cost would be compiled each time (jit).
CREATE FUNCTION updraft.look(p_after bigint, p_events bigint, p_bytes bigint)
RETURNS TABLE (history text, floor bigint, given bigint, topic text, seq bigint, "time" bigint, name text, key text, data text)
LANGUAGE plpgsql STABLE SET enable_sort = off SET enable_seqscan = off SET jit = off SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_bytes bigint := 0;
    e record;
BEGIN
    history := updraft.history();
    SELECT (SELECT max(t.floor) FROM updraft.topics AS t), (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM updraft.seq)
    INTO floor, given;
    FOR e IN
        SELECT e.seq, e.time, (SELECT t.name FROM updraft.topics AS t WHERE t.id = e.topic) AS topic, e.name, e.key, e.data
        FROM updraft.events AS e WHERE e.seq + 0 > p_after ORDER BY e.seq + 0 LIMIT p_events
    LOOP
        seq := e.seq; time := e.time; topic := e.topic; name := e.name; key := e.key; data := e.data;
        RETURN NEXT;
        v_bytes := v_bytes + octet_length(e.name) + coalesce(octet_length(e.data), 0);
        EXIT WHEN v_bytes >= p_bytes;
    END LOOP;
    IF seq IS NULL THEN
        RETURN NEXT;
    END IF;
END $$;

-- What may go of a topic by number and by bytes: events without a key up to `loose_up_to`.
CREATE FUNCTION updraft.compaction(p_topic text, p_events bigint, p_bytes bigint,
    OUT topic int, OUT head bigint, OUT now bigint, OUT loose_up_to bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_bytes numeric := 0;
    e record;
BEGIN
    SELECT t.id, updraft.head(t.id, t.floor), updraft.now(), 0 INTO topic, head, now, loose_up_to
    FROM updraft.topics AS t WHERE t.name = p_topic;
    IF p_events IS NOT NULL THEN
        loose_up_to := coalesce((
            SELECT e.seq FROM updraft.events AS e WHERE e.topic = compaction.topic AND e.key IS NULL
            ORDER BY e.key DESC, e.seq DESC OFFSET p_events LIMIT 1), 0);
    END IF;
    IF p_bytes IS NOT NULL THEN
        FOR e IN
            SELECT e.seq, octet_length(e.name) + coalesce(octet_length(e.data), 0) AS bytes
            FROM updraft.events AS e WHERE e.topic = compaction.topic AND e.key IS NULL ORDER BY e.key DESC, e.seq DESC
        LOOP
            v_bytes := v_bytes + e.bytes;
            IF v_bytes > p_bytes THEN
                loose_up_to := greatest(loose_up_to, e.seq);
                EXIT;
            END IF;
        END LOOP;
    END IF;
END $$;

-- One step of a compaction: looks at so many events beyond one, and removes what may go. Times are those before which
-- something goes, ages those after which what stays may go (`due`). The end of a key stays until it is settled. The appends' lock
-- is not taken.
CREATE FUNCTION updraft.compact(
    p_topic int, p_after bigint, p_head bigint, p_most bigint,
    p_superseded bigint, p_tombstones bigint, p_loose bigint, p_loose_up_to bigint,
    p_least_age bigint, p_tombstones_age bigint, p_loose_age bigint,
    OUT removed bigint, OUT bytes bigint, OUT next bigint, OUT due bigint
) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_seen bigint := 0;
    v_victims bigint[] := '{}';
    v_settled bigint := (SELECT seq FROM updraft.settled);
    v_floor bigint;
    v_goes boolean;
    e record;
BEGIN
    FOR e IN
        SELECT e.seq, e.time, e.key, e.data IS NULL AS is_end, EXISTS (
            SELECT FROM updraft.events AS n WHERE n.topic = p_topic AND n.key = e.key AND n.seq > e.seq) AS is_superseded
        FROM updraft.events AS e
        WHERE e.topic = p_topic AND e.seq > p_after AND e.seq <= p_head ORDER BY e.seq LIMIT p_most
    LOOP
        IF e.time > p_superseded THEN               -- and what follows is younger
            due := least(due, e.time + p_least_age);
            v_seen := 0;
            EXIT;
        END IF;
        v_seen := v_seen + 1;
        next := e.seq;
        v_goes := CASE
            WHEN e.key IS NULL THEN coalesce(e.time <= p_loose, false) OR e.seq <= p_loose_up_to
            WHEN e.is_superseded THEN true
            WHEN e.is_end THEN e.time <= p_tombstones AND e.seq <= v_settled
            ELSE false
        END;
        IF NOT v_goes THEN
            due := least(due, e.time + CASE WHEN e.key IS NULL THEN p_loose_age WHEN e.is_end THEN p_tombstones_age END);
        ELSE
            v_victims := v_victims || e.seq;
        END IF;
    END LOOP;
    IF v_seen < p_most THEN
        next := NULL;
    END IF;
    WITH gone AS (
        DELETE FROM updraft.events AS e WHERE e.topic = p_topic AND e.seq = ANY (v_victims)
        RETURNING e.seq, octet_length(e.name) + coalesce(octet_length(replace(replace(e.key,
            chr(1114111) || '0', ' '), chr(1114111) || '1', chr(1114111))), 0) + coalesce(octet_length(e.data), 0) AS bytes
    )
    SELECT count(*), coalesce(sum(gone.bytes), 0), max(seq) INTO removed, bytes, v_floor FROM gone;
    IF removed > 0 THEN
        UPDATE updraft.topics SET floor = greatest(floor, v_floor) WHERE id = p_topic;
    END IF;
END $$;

-- Brings `latest` up to so many events further, but for what is under way elsewhere; up to which it is settled then. What
-- is visible has the lowest numbers, as they are given in the order of the commits.
CREATE FUNCTION updraft.settle(p_most bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_from bigint;
    v_to bigint;
BEGIN
    SELECT seq INTO v_from FROM updraft.settled FOR UPDATE SKIP LOCKED;
    SELECT max(s.seq) INTO v_to FROM (
        SELECT seq + 0 AS seq FROM updraft.events WHERE seq + 0 > v_from ORDER BY seq + 0 LIMIT p_most) AS s;
    IF v_to IS NULL THEN
        RETURN v_from;
    END IF;
    WITH last AS MATERIALIZED (
        SELECT DISTINCT ON (topic, key) topic, key, seq, data IS NULL AS is_end FROM updraft.events
        WHERE seq + 0 > v_from AND seq + 0 <= v_to AND key IS NOT NULL ORDER BY topic, key, seq DESC
    ), ended AS (
        DELETE FROM updraft.latest AS l USING last WHERE last.is_end AND l.topic = last.topic AND l.key = last.key
    )
    INSERT INTO updraft.latest (topic, key, seq) SELECT topic, key, seq FROM last WHERE NOT is_end
    ON CONFLICT (topic, key) DO UPDATE SET seq = excluded.seq;
    UPDATE updraft.settled SET seq = v_to;
    RETURN v_to;
END $$;

-- The token of a lease, taken or renewed; none while another node has it. Late renewal keeps the token where no other node had it.
CREATE FUNCTION updraft.lease(p_name text, p_node uuid, p_ms bigint) RETURNS bigint LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO updraft.leases AS l (name, node, token, until)
    VALUES (p_name, p_node, 1, clock_timestamp() + p_ms * interval '1 millisecond')
    ON CONFLICT (name) DO UPDATE SET
        token = CASE WHEN l.node = excluded.node THEN l.token ELSE l.token + 1 END,
        node = excluded.node, until = excluded.until
    WHERE l.node = excluded.node OR l.until <= clock_timestamp()
    RETURNING token
$$;

-- Forgets some idempotency keys of this age, what was kept for retries of batches that nobody tries any more, and where
-- consumers were before. How many keys; more than none where more batches may go.
CREATE FUNCTION updraft.expire(p_older bigint, p_most bigint) RETURNS bigint LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
    WITH batches AS (
        DELETE FROM updraft.batches WHERE id IN (
            SELECT id FROM updraft.batches WHERE time < (SELECT updraft.now() - 300000) LIMIT 100000
            FOR UPDATE SKIP LOCKED)
        RETURNING 1
    ), offsets AS (
        DELETE FROM updraft.consumers AS c WHERE EXISTS (
            SELECT FROM updraft.consumers AS n WHERE n.topic = c.topic AND n.name = c.name AND n.seq > c.seq)
    ), keys AS (
        DELETE FROM updraft.once WHERE key IN (
            SELECT key FROM updraft.once WHERE time <= (SELECT updraft.now() - p_older) ORDER BY time LIMIT p_most
            FOR UPDATE SKIP LOCKED)
        RETURNING 1
    )
    SELECT greatest((SELECT count(*) FROM keys), (SELECT count(*) / 100000 FROM batches))
$$;
