-- Version 5: with an event stands the W3C trace context of its publish, where that is traced. Nodes of earlier versions, which go on
-- until they are replaced, call these functions without it, and read by names what they know of. Where no event of a batch is traced,
-- the array is NULL: an empty one would be unpacked each time.
ALTER TABLE updraft.events ADD COLUMN traceparent text;

DROP FUNCTION updraft.append_events;
DROP FUNCTION updraft.append;
DROP FUNCTION updraft.page;
DROP FUNCTION updraft.backlog;
DROP FUNCTION updraft.look;

-- One batch of events that expect nothing, are no answer to a call that may be tried again, and are not told with offsets:
-- nearly all are. Topics (t), events (e). They are appended behind `before`, at the time `at`. As small as can be: it is what
-- every publish waits for, one after the other.
CREATE FUNCTION updraft.append_events(
    p_batch uuid, p_is_retry boolean, p_history text,
    t_name text[], e_topic int[], e_name text[], e_key text[], e_data text[],
    e_traceparent text[] DEFAULT NULL,
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
        INSERT INTO updraft.events (topic, seq, time, name, key, data, traceparent)
        VALUES (v_id, before + 1, at, e_name[1], e_key[1], e_data[1], e_traceparent[1]);
    ELSE
        PERFORM setval('updraft.seq', before + v_count);
        WITH batch AS (INSERT INTO updraft.batches (id, time, before) VALUES (p_batch, at, before))
        INSERT INTO updraft.events (topic, seq, time, name, key, data, traceparent)
        SELECT v_ids[e.topic], before + e.n, at, e.name, e.key, e.data, e.traceparent
        FROM unnest(e_topic, e_name, e_key, e_data, e_traceparent) WITH ORDINALITY AS e(topic, name, key, data, traceparent, n);
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
    e_traceparent text[] DEFAULT NULL,
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

        INSERT INTO updraft.events (topic, seq, time, name, key, data, traceparent)
        SELECT v_ids[e.append], v_start + row_number() OVER (ORDER BY e.n), v_now, e.name, e.key, e.data, e.traceparent
        FROM unnest(e_append, e_name, e_key, e_data, e_traceparent) WITH ORDINALITY AS e(append, name, key, data, traceparent, n)
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
RETURNS TABLE (seq bigint, "time" bigint, name text, key text, data text, traceparent text) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_topic int := (SELECT id FROM updraft.topics WHERE name = p_topic);
    v_bytes bigint := 0;
    e record;
BEGIN
    FOR e IN
        SELECT seq, time, name, key, data, traceparent FROM updraft.events
        WHERE topic = v_topic AND seq > p_after AND seq <= p_up_to ORDER BY seq LIMIT p_events
    LOOP
        seq := e.seq; time := e.time; name := e.name; key := e.key; data := e.data; traceparent := e.traceparent;
        RETURN NEXT;
        v_bytes := v_bytes + octet_length(e.name) + coalesce(octet_length(e.data), 0);
        EXIT WHEN v_bytes >= p_bytes;
    END LOOP;
END $$;

-- The same of what a new reader needs. Up to where it is settled, along two indexes, as many rows of each as there are in a page,
-- however many events lie between, without the keys that changed since; then what changed. What the settings forbid would look
-- cheaper, and what they cost would be compiled each time (jit).
CREATE FUNCTION updraft.backlog(p_topic text, p_after bigint, p_up_to bigint, p_events bigint, p_bytes bigint)
RETURNS TABLE (seq bigint, "time" bigint, name text, key text, data text, traceparent text) LANGUAGE plpgsql STABLE
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
            (SELECT l.seq, e.time, e.name, e.key, e.data, e.traceparent
            FROM updraft.latest AS l JOIN updraft.events AS e ON e.topic = l.topic AND e.seq = l.seq
            WHERE l.topic = v_topic AND l.seq > p_after AND l.seq <= p_up_to AND l.key NOT IN (SELECT unnest(v_changed))
            ORDER BY l.seq LIMIT p_events)
            UNION ALL
            (SELECT seq, time, name, key, data, traceparent FROM updraft.events
            WHERE topic = v_topic AND key IS NULL AND seq > p_after AND seq <= least(p_up_to, v_settled)
            ORDER BY key, seq LIMIT p_events)
            ORDER BY seq LIMIT p_events
        LOOP
            seq := e.seq; time := e.time; name := e.name; key := e.key; data := e.data; traceparent := e.traceparent;
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
        SELECT e.seq, e.time, e.name, e.key, e.data, e.traceparent FROM updraft.events AS e
        WHERE e.topic = v_topic AND e.seq > greatest(p_after, v_settled) AND e.seq <= p_up_to AND (e.key IS NULL
            OR e.data IS NOT NULL
            AND NOT EXISTS (SELECT FROM updraft.events AS n WHERE n.topic = v_topic AND n.key = e.key AND n.seq > e.seq))
        ORDER BY e.seq LIMIT v_left
    LOOP
        seq := e.seq; time := e.time; name := e.name; key := e.key; data := e.data; traceparent := e.traceparent;
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
RETURNS TABLE (history text, floor bigint, given bigint, topic text, seq bigint, "time" bigint, name text, key text, data text,
    traceparent text)
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
        SELECT e.seq, e.time, (SELECT t.name FROM updraft.topics AS t WHERE t.id = e.topic) AS topic, e.name, e.key, e.data,
            e.traceparent
        FROM updraft.events AS e WHERE e.seq + 0 > p_after ORDER BY e.seq + 0 LIMIT p_events
    LOOP
        seq := e.seq; time := e.time; topic := e.topic; name := e.name; key := e.key; data := e.data;
        traceparent := e.traceparent;
        RETURN NEXT;
        v_bytes := v_bytes + octet_length(e.name) + coalesce(octet_length(e.data), 0);
        EXIT WHEN v_bytes >= p_bytes;
    END LOOP;
    IF seq IS NULL THEN
        RETURN NEXT;
    END IF;
END $$;

REVOKE ALL ON FUNCTION updraft.append_events, updraft.append, updraft.page, updraft.backlog, updraft.look FROM PUBLIC;
