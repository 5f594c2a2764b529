-- What the files of a content add up to as a git tree, where that is not its tree: the listing leaves out
-- empty folders, and writes modes as git writes them today. So that a row that is missing is told from these.
ALTER TABLE contents ADD COLUMN listing_sha text;
