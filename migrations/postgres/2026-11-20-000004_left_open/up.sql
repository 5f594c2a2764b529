-- What a sync or a refresh could not settle, for the next one to know.

-- The commit at which the last sync failed for what it holds: at another one it is tried again.
ALTER TABLE bindings ADD COLUMN tried_commit TEXT;

-- Since when an installation covers fewer repositories, while nobody has seen yet which.
ALTER TABLE installations ADD COLUMN narrowed_at TIMESTAMPTZ;

-- When GitHub sent it, as far as we know: one that was fetched later from its list is as old as that says. What
-- was recorded before, or by a process that does not know the column, is not young in any case.
ALTER TABLE deliveries ADD COLUMN sent_at TIMESTAMPTZ NOT NULL DEFAULT 'epoch';
