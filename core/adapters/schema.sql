CREATE TABLE IF NOT EXISTS meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Environments, policies and what is wanted of agents are shared by many tasks: each distinct one is stored once, as JSON.
CREATE TABLE IF NOT EXISTS shared (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);

CREATE TABLE IF NOT EXISTS task (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    agent TEXT NOT NULL,
    grp TEXT NOT NULL,
    priority INTEGER NOT NULL,
    queued_at REAL NOT NULL,
    place REAL NOT NULL,
    held INTEGER NOT NULL,
    not_before REAL NOT NULL,
    attempts INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    first_start REAL,
    ended_at REAL,
    key TEXT,
    policy INTEGER NOT NULL REFERENCES shared (id),
    argv TEXT NOT NULL,
    shell INTEGER NOT NULL,
    cwd TEXT NOT NULL,
    env INTEGER NOT NULL REFERENCES shared (id),
    stdin TEXT,
    umask INTEGER NOT NULL,
    wanted INTEGER NOT NULL REFERENCES shared (id),
    affinity TEXT,
    batch TEXT,
    prompt TEXT,
    resumes INTEGER,
    verify TEXT,
    own_env TEXT,
    prompt_text TEXT,
    leaves TEXT,
    spawned_by TEXT,
    root INTEGER,
    depth INTEGER,
    run INTEGER,
    node TEXT,
    item INTEGER,
    ahead REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS task_live ON task (id) WHERE state IN ('queued', 'running');
CREATE INDEX IF NOT EXISTS task_running ON task (id) WHERE state = 'running';
-- Always empty, unless the file was damaged: a start need not look through everything for it.
CREATE INDEX IF NOT EXISTS task_odd ON task (id) WHERE ended_at IS NULL AND state NOT IN ('queued', 'running');
CREATE INDEX IF NOT EXISTS task_queued ON task (place) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS task_ended ON task (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS task_failed ON task (ended_at) WHERE state IN ('failed', 'timed_out', 'lost');
CREATE INDEX IF NOT EXISTS task_batch ON task (batch) WHERE batch IS NOT NULL;
CREATE INDEX IF NOT EXISTS task_root ON task (root) WHERE root IS NOT NULL;
CREATE INDEX IF NOT EXISTS task_run ON task (run, node, item) WHERE run IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS task_key ON task (key) WHERE key IS NOT NULL;

CREATE TABLE IF NOT EXISTS need (
    child INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    kind TEXT NOT NULL,
    met INTEGER NOT NULL,
    PRIMARY KEY (child, parent)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS need_parent ON need (parent);

CREATE TABLE IF NOT EXISTS attempt (
    task INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    agent TEXT NOT NULL,
    grp TEXT NOT NULL,
    placed_at REAL NOT NULL,
    cause_at REAL NOT NULL,
    server INTEGER,
    slot INTEGER,
    launcher_pid INTEGER,
    launcher_created REAL,
    boot TEXT,
    pid INTEGER,
    started_at REAL,
    ended_at REAL,
    exit_code INTEGER,
    ending TEXT,
    leftover TEXT,
    max_memory INTEGER NOT NULL,
    cpu_seconds REAL NOT NULL,
    result TEXT,
    told TEXT,
    spawned TEXT,
    output TEXT,
    PRIMARY KEY (task, number)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS grp (
    name TEXT PRIMARY KEY,
    cap INTEGER NOT NULL,
    paused INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS agent (
    name TEXT PRIMARY KEY,
    mode TEXT NOT NULL,
    failures INTEGER NOT NULL,
    openings INTEGER NOT NULL,
    until REAL,
    reason TEXT,
    warm TEXT NOT NULL
) WITHOUT ROWID;

-- Mail to a task (its number), to an agent or a group (its name) or to the operator; taken once, by an attempt or by him.
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    sender TEXT,
    sender_task INTEGER,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    expires_at REAL,
    taken_at REAL,
    taken_by TEXT,
    acked_at REAL
);
CREATE INDEX IF NOT EXISTS mail_waiting ON mail (kind, name) WHERE taken_at IS NULL;
CREATE INDEX IF NOT EXISTS mail_taken ON mail (taken_by) WHERE taken_by IS NOT NULL;

-- Runs of workflows. The definition is JSON from which the workflow is read again, whatever became of its file.
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workflow TEXT NOT NULL,
    definition INTEGER NOT NULL REFERENCES shared (id),
    params TEXT NOT NULL,
    event TEXT,
    expected TEXT NOT NULL,
    cwd TEXT NOT NULL,
    env INTEGER NOT NULL REFERENCES shared (id),
    umask INTEGER NOT NULL,
    folder TEXT NOT NULL,
    key TEXT,
    grp TEXT,
    queued_at REAL NOT NULL,
    started_by TEXT NOT NULL,
    parent_run INTEGER,
    parent_node TEXT,
    parent_item INTEGER,
    hops INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    started_at REAL,
    ended_at REAL,
    stopping TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS run_key ON run (key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS run_live ON run (id) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS run_workflow ON run (workflow);

CREATE TABLE IF NOT EXISTS node (
    run INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    since REAL NOT NULL,
    approved INTEGER NOT NULL,
    waited INTEGER NOT NULL,
    event TEXT,
    items TEXT,
    out TEXT,
    after INTEGER NOT NULL,
    PRIMARY KEY (run, name)
) WITHOUT ROWID;

-- One of the times that a node works. Its task is the latest that was made for it; of a call it is a run.
-- A part of which its task tells all has no row here: see told_part.
CREATE TABLE IF NOT EXISTS part (
    run INTEGER NOT NULL,
    node TEXT NOT NULL,
    item INTEGER NOT NULL,
    state TEXT NOT NULL,
    task INTEGER,
    reason TEXT,
    wish INTEGER NOT NULL,
    agent TEXT,
    held INTEGER NOT NULL,
    out TEXT,
    PRIMARY KEY (run, node, item)
) WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS told_part AS
SELECT task.run, task.node, task.item, CASE WHEN task.ended_at IS NULL THEN 'running' ELSE task.state END AS state,
    task.id AS task, CASE WHEN task.ended_at IS NOT NULL THEN task.reason END AS reason,
    0 AS wish, NULL AS agent, 0 AS held, 0 AS kept, NULL AS out
FROM task JOIN node ON node.run = task.run AND node.name = task.node AND node.after <= task.id
WHERE NOT EXISTS (SELECT 1 FROM part WHERE part.run = task.run AND part.node = task.node AND part.item = task.item);

CREATE VIEW IF NOT EXISTS every_part AS
SELECT run, node, item, state, task, reason, wish, agent, held, 1 AS kept, out FROM part
UNION ALL SELECT run, node, item, state, task, reason, wish, agent, held, kept, out FROM told_part;

-- What has happened outside and inside: kept first, matched once.
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    topic TEXT NOT NULL,
    data TEXT,
    source TEXT NOT NULL,
    key TEXT,
    target TEXT,
    hops INTEGER NOT NULL,
    matched INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS event_key ON event (key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS event_unmatched ON event (id) WHERE matched = 0;

CREATE TABLE IF NOT EXISTS fired (
    workflow TEXT NOT NULL,
    cron TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (workflow, cron)
) WITHOUT ROWID;

-- Facts that a bug of muxdeck kept the rules from taking in.
CREATE TABLE IF NOT EXISTS aside (
    key TEXT PRIMARY KEY,
    task INTEGER,
    what TEXT NOT NULL,
    report TEXT NOT NULL,
    tries INTEGER NOT NULL
) WITHOUT ROWID;

-- What was asked for, and what went otherwise than asked: the history that people read.
CREATE TABLE IF NOT EXISTS note (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    task INTEGER,
    text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS note_task ON note (task) WHERE task IS NOT NULL;
