-- Bindings and contents refer to each other; the rows go before the tables.
UPDATE bindings SET content_id = NULL;
DROP TABLE delivery_decisions;
DROP TABLE content_files;
DROP TABLE blobs;
DROP TABLE contents;
DROP TABLE bindings;
DROP TABLE job_events;
DROP TABLE jobs;
DROP TABLE delivery_bodies;
DROP TABLE deliveries;
DROP TABLE repository_refs;
DROP TABLE repositories;
DROP TABLE installation_grants;
DROP TABLE installations;
DROP TABLE github_apps;
DROP TABLE api_tokens;
DROP TABLE projects;
DROP TABLE organizations;
