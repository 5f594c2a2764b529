-- What a sync or a refresh could not settle, for the next one to know.

-- The commit at which the last sync failed for what it holds: at another one it is tried again.
ALTER TABLE bindings ADD COLUMN tried_commit TEXT;

-- Since when an installation covers fewer repositories, while nobody has seen yet which.
ALTER TABLE installations ADD COLUMN narrowed_at TIMESTAMPTZ;
