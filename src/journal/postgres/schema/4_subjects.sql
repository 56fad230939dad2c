-- Version 4: the sockets that subjects have at each node, for as long as the node says that it lives. What a crash of the database
-- takes of this, nodes tell it again.
CREATE UNLOGGED TABLE updraft.counting (
    node  text COLLATE "C" PRIMARY KEY,
    until timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE UNLOGGED TABLE updraft.subjects (
    subject bytea NOT NULL,                 -- its SHA-256
    node    text COLLATE "C" NOT NULL,
    sockets int NOT NULL,
    nodes   int NOT NULL,                   -- that it has sockets at
    told    int NOT NULL DEFAULT 0,         -- what its node knows of that
    PRIMARY KEY (subject, node)
) WITH (fillfactor = 50);
CREATE INDEX subjects_by_node ON updraft.subjects (node);
CREATE INDEX subjects_to_tell ON updraft.subjects (node) WHERE told <> nodes;

-- A node says that it lives, what subjects have there now (s), and what they ask for beside that (a); it hears what of that they
-- get, and of its subjects that are at more or fewer nodes than before (t). Nodes do so one after the other, so that no two get
-- the last place. What a node that died had is no longer counted, and is removed some at a time.
CREATE FUNCTION updraft.count_subjects(
    p_node text, p_ms bigint, p_is_anew boolean, p_most int,
    s_subject bytea[], s_sockets int[], a_subject bytea[], a_sockets int[],
    OUT is_known boolean, OUT a_granted int[], OUT t_subject bytea[], OUT t_nodes int[]
) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_changed bytea[] := '{}';              -- subjects that came to a node, or left one
    v_more bytea[];
    v_gone text[];
BEGIN
    PERFORM set_config('lock_timeout', '2s', true);
    PERFORM pg_advisory_xact_lock(33042187532100213);
    IF p_is_anew THEN
        WITH gone AS (DELETE FROM updraft.subjects WHERE node = p_node RETURNING subject)
        SELECT coalesce(array_agg(subject), '{}') INTO v_changed FROM gone;
        INSERT INTO updraft.counting (node, until) VALUES (p_node, clock_timestamp() + p_ms * interval '1 millisecond')
        ON CONFLICT (node) DO UPDATE SET until = excluded.until;
    ELSE
        UPDATE updraft.counting SET until = clock_timestamp() + p_ms * interval '1 millisecond'
        WHERE node = p_node AND until > clock_timestamp();
        IF NOT FOUND THEN
            is_known := false;
            RETURN;
        END IF;
    END IF;
    is_known := true;

    SELECT array_agg(node) INTO v_gone FROM updraft.counting WHERE until <= clock_timestamp();
    IF v_gone IS NOT NULL THEN
        WITH portion AS (
            SELECT subject, node FROM updraft.subjects WHERE node = ANY (v_gone) LIMIT 2000
        ), gone AS (
            DELETE FROM updraft.subjects AS s USING portion
            WHERE s.subject = portion.subject AND s.node = portion.node RETURNING s.subject
        )
        SELECT array_agg(subject) INTO v_more FROM gone;
        v_changed := v_changed || coalesce(v_more, '{}');
        DELETE FROM updraft.counting AS c
        WHERE node = ANY (v_gone) AND NOT EXISTS (SELECT FROM updraft.subjects AS s WHERE s.node = c.node);
    END IF;

    IF cardinality(s_subject) > 0 THEN
        WITH said AS (
            SELECT subject, sockets FROM unnest(s_subject, s_sockets) AS u(subject, sockets)
        ), gone AS (
            DELETE FROM updraft.subjects AS s USING said
            WHERE s.subject = said.subject AND s.node = p_node AND said.sockets = 0 RETURNING s.subject
        ), kept AS (
            INSERT INTO updraft.subjects AS s (subject, node, sockets, nodes)
            SELECT subject, p_node, sockets, 0 FROM said WHERE sockets > 0
            ON CONFLICT (subject, node) DO UPDATE SET sockets = excluded.sockets
            RETURNING s.subject, s.nodes
        )
        SELECT array_agg(subject) INTO v_more
        FROM (SELECT subject FROM gone UNION ALL SELECT subject FROM kept WHERE nodes = 0) AS c;
        v_changed := v_changed || coalesce(v_more, '{}');
    END IF;

    IF cardinality(a_subject) > 0 THEN
        SELECT array_agg(least(a.sockets, greatest(0, p_most - coalesce(t.sockets, 0))) ORDER BY a.n) INTO a_granted
        FROM unnest(a_subject, a_sockets) WITH ORDINALITY AS a(subject, sockets, n)
        LEFT JOIN LATERAL (
            SELECT sum(s.sockets)::int AS sockets FROM updraft.subjects AS s
            JOIN updraft.counting AS c ON c.node = s.node AND c.until > clock_timestamp()
            WHERE s.subject = a.subject
        ) AS t ON true;
        WITH kept AS (
            INSERT INTO updraft.subjects AS s (subject, node, sockets, nodes)
            SELECT subject, p_node, sockets, 0 FROM unnest(a_subject, a_granted) AS u(subject, sockets) WHERE sockets > 0
            ON CONFLICT (subject, node) DO UPDATE SET sockets = s.sockets + excluded.sockets
            RETURNING s.subject, s.nodes
        )
        SELECT array_agg(subject) INTO v_more FROM kept WHERE nodes = 0;
        v_changed := v_changed || coalesce(v_more, '{}');
    END IF;

    IF cardinality(v_changed) > 0 THEN
        UPDATE updraft.subjects AS s SET nodes = c.nodes
        FROM (SELECT subject, count(*)::int AS nodes FROM updraft.subjects WHERE subject = ANY (v_changed) GROUP BY subject) AS c
        WHERE s.subject = c.subject AND s.nodes <> c.nodes;
    END IF;
    WITH portion AS (
        SELECT subject FROM updraft.subjects WHERE node = p_node AND told <> nodes LIMIT 1000
    ), told AS (
        UPDATE updraft.subjects AS s SET told = nodes FROM portion
        WHERE s.subject = portion.subject AND s.node = p_node RETURNING s.subject, s.nodes
    )
    SELECT array_agg(subject), array_agg(nodes) INTO t_subject, t_nodes FROM told;
END $$;

REVOKE ALL ON FUNCTION updraft.count_subjects FROM PUBLIC;
