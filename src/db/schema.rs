//! The tables as Diesel sees them; a test holds this against both migrated databases.

diesel::table! {
    organizations (id) {
        id -> BigInt,
        slug -> Text,
        title -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    projects (id) {
        id -> BigInt,
        organization_id -> BigInt,
        slug -> Text,
        title -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    api_tokens (id) {
        id -> BigInt,
        lookup -> Text,
        salt -> Binary,
        hash -> Binary,
        label -> Text,
        organization_id -> Nullable<BigInt>,
        role -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    github_apps (id) {
        id -> BigInt,
        host -> Text,
        app_id -> BigInt,
        created_at -> Timestamptz,
        last_ping_at -> Nullable<Timestamptz>,
        swept_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    installations (id) {
        id -> BigInt,
        github_app_id -> BigInt,
        github_id -> BigInt,
        account_id -> Nullable<BigInt>,
        account_login -> Nullable<Text>,
        suspended_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
        permissions -> Nullable<Jsonb>,
        repository_selection -> Nullable<Text>,
        paused_until -> Nullable<Timestamptz>,
        narrowed_at -> Nullable<Timestamptz>,
        confirmed_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    installation_grants (id) {
        id -> BigInt,
        github_host -> Text,
        installation_id -> BigInt,
        organization_id -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    repositories (id) {
        id -> BigInt,
        github_host -> Text,
        github_id -> BigInt,
        owner_id -> BigInt,
        owner -> Text,
        name -> Text,
        owner_key -> Text,
        name_key -> Text,
        installation_id -> Nullable<BigInt>,
        default_branch -> Nullable<Text>,
        visibility -> Nullable<Text>,
        archived -> Bool,
        reachability -> Text,
        installation_doubted_at -> Nullable<Timestamptz>,
        missing_since -> Nullable<Timestamptz>,
        times_missing -> Integer,
        removed_at -> Nullable<Timestamptz>,
        etag -> Nullable<Text>,
        confirmed_at -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    repository_names (id) {
        id -> BigInt,
        repository_id -> BigInt,
        owner_id -> BigInt,
        owner -> Text,
        name -> Text,
        because -> Text,
        since -> Timestamptz,
    }
}

diesel::table! {
    repository_refs (id) {
        id -> BigInt,
        repository_id -> BigInt,
        git_ref -> Text,
        commit_sha -> Nullable<Text>,
        root_tree_sha -> Nullable<Text>,
        etag -> Nullable<Text>,
        resolved_at -> Timestamptz,
        poll_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    deliveries (id) {
        id -> BigInt,
        github_app_id -> BigInt,
        guid -> Text,
        event -> Text,
        action -> Nullable<Text>,
        headers -> Jsonb,
        signed_by -> Nullable<Text>,
        body_size -> BigInt,
        state -> Text,
        reason -> Nullable<Text>,
        detail -> Nullable<Text>,
        attempts -> Integer,
        scheduled_at -> Timestamptz,
        repository_github_id -> Nullable<BigInt>,
        installation_github_id -> Nullable<BigInt>,
        git_ref -> Nullable<Text>,
        head_sha -> Nullable<Text>,
        sent_at -> Timestamptz,
        received_at -> Timestamptz,
        processed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    delivery_bodies (delivery_id, part) {
        delivery_id -> BigInt,
        part -> Integer,
        bytes -> Binary,
        encoding -> Text,
    }
}

diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        target -> BigInt,
        lane -> SmallInt,
        state -> Text,
        attempt -> Integer,
        max_attempts -> Integer,
        deferrals -> Integer,
        scheduled_at -> Timestamptz,
        not_before -> Nullable<Timestamptz>,
        requested_at -> Timestamptz,
        organization_id -> Nullable<BigInt>,
        installation_id -> Nullable<BigInt>,
        worker -> Nullable<Text>,
        lease_until -> Nullable<Timestamptz>,
        fence -> BigInt,
        cause -> Jsonb,
        hints -> Jsonb,
        errors -> Jsonb,
        result -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        attempted_at -> Nullable<Timestamptz>,
        finalized_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    timers (name, target) {
        name -> Text,
        target -> BigInt,
        due_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        succeeded_at -> Nullable<Timestamptz>,
        result -> Nullable<Jsonb>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    job_events (id) {
        id -> BigInt,
        job_id -> BigInt,
        at -> Timestamptz,
        event -> Text,
        detail -> Jsonb,
    }
}

diesel::table! {
    bindings (id) {
        id -> BigInt,
        organization_id -> BigInt,
        project_id -> Nullable<BigInt>,
        name -> Text,
        github_host -> Text,
        github_owner -> Text,
        github_repo -> Text,
        followed_owner -> Nullable<Text>,
        followed_repo -> Nullable<Text>,
        owner_key -> Text,
        repo_key -> Text,
        git_ref -> Nullable<Text>,
        root_path -> Text,
        required_files -> Jsonb,
        repository_id -> Nullable<BigInt>,
        content_id -> Nullable<BigInt>,
        commit_sha -> Nullable<Text>,
        synced_ref -> Nullable<Text>,
        status -> Text,
        error -> Nullable<Text>,
        finding -> Nullable<Text>,
        tried_commit -> Nullable<Text>,
        last_job_id -> Nullable<BigInt>,
        last_delivery_id -> Nullable<BigInt>,
        generation -> BigInt,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        synced_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    contents (id) {
        id -> BigInt,
        binding_id -> BigInt,
        repository_id -> BigInt,
        owner_id -> BigInt,
        installation_id -> BigInt,
        git_ref -> Text,
        root_path -> Text,
        commit_sha -> Text,
        tree_sha -> Text,
        created_at -> Timestamptz,
        listing_sha -> Nullable<Text>,
    }
}

diesel::table! {
    blobs (id) {
        id -> BigInt,
        repository_id -> BigInt,
        sha -> Text,
        size -> BigInt,
        bytes -> Binary,
        used_at -> Timestamptz,
    }
}

diesel::table! {
    content_files (content_id, path) {
        content_id -> BigInt,
        path -> Text,
        mode -> Text,
        sha -> Text,
        size -> BigInt,
        blob_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    delivery_decisions (id) {
        id -> BigInt,
        delivery_id -> BigInt,
        binding_id -> BigInt,
        verdict -> Text,
        reason -> Text,
        job_id -> Nullable<BigInt>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    audit_events (id) {
        id -> BigInt,
        at -> Timestamptz,
        actor -> Text,
        token_id -> Nullable<BigInt>,
        token_label -> Nullable<Text>,
        source -> Nullable<Text>,
        action -> Text,
        organization_id -> Nullable<BigInt>,
        place -> Text,
        detail -> Nullable<Text>,
        status -> SmallInt,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    console_sessions (id) {
        id -> BigInt,
        hash -> Binary,
        token_id -> Nullable<BigInt>,
        admin_mark -> Nullable<Binary>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::joinable!(projects -> organizations (organization_id));
diesel::joinable!(api_tokens -> organizations (organization_id));
diesel::joinable!(installations -> github_apps (github_app_id));
diesel::joinable!(installation_grants -> organizations (organization_id));
diesel::joinable!(repositories -> installations (installation_id));
diesel::joinable!(repository_names -> repositories (repository_id));
diesel::joinable!(repository_refs -> repositories (repository_id));
diesel::joinable!(deliveries -> github_apps (github_app_id));
diesel::joinable!(delivery_bodies -> deliveries (delivery_id));
diesel::joinable!(jobs -> organizations (organization_id));
diesel::joinable!(jobs -> installations (installation_id));
diesel::joinable!(job_events -> jobs (job_id));
diesel::joinable!(bindings -> organizations (organization_id));
diesel::joinable!(bindings -> projects (project_id));
diesel::joinable!(bindings -> repositories (repository_id));
diesel::joinable!(bindings -> contents (content_id));
diesel::joinable!(blobs -> repositories (repository_id));
diesel::joinable!(content_files -> contents (content_id));
diesel::joinable!(content_files -> blobs (blob_id));
diesel::joinable!(delivery_decisions -> deliveries (delivery_id));
diesel::joinable!(delivery_decisions -> bindings (binding_id));
diesel::joinable!(console_sessions -> api_tokens (token_id));

diesel::allow_tables_to_appear_in_same_query!(
    organizations,
    projects,
    api_tokens,
    github_apps,
    installations,
    installation_grants,
    repositories,
    repository_names,
    repository_refs,
    deliveries,
    delivery_bodies,
    timers,
    jobs,
    job_events,
    bindings,
    contents,
    blobs,
    content_files,
    delivery_decisions,
    audit_events,
    console_sessions,
);
