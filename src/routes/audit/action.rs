//! What a request is called in the audit log: by its method, and by what its route leads to.

use actix_web::http::Method;

use crate::audit::Action;

/// `None`: the route needs no token, so nobody acts there. `route` is as it is registered.
pub(in crate::routes) fn action(method: &Method, route: &str) -> Option<Action> {
    let mut parts = route.rsplit('/');
    let noun = parts.find(|part| !part.is_empty() && !part.starts_with('{'))?;
    Some(match (method.as_str(), noun) {
        ("PUT", "orgs") => Action::OrganizationPut,
        ("DELETE", "orgs") => Action::OrganizationDelete,
        (_, "orgs") => Action::OrganizationRead,
        ("PUT", "projects") => Action::ProjectPut,
        ("DELETE", "projects") => Action::ProjectDelete,
        (_, "projects") => Action::ProjectRead,
        ("PUT", "bindings" | "dashboard-template") => Action::BindingPut,
        ("DELETE", "bindings" | "dashboard-template") => Action::BindingDelete,
        (_, "sync") => Action::BindingSync,
        (_, "bindings" | "dashboard-template" | "effective" | "diff" | "files") => {
            Action::BindingRead
        }
        ("PUT", "installations") => Action::GrantPut,
        ("DELETE", "installations") => Action::GrantDelete,
        (_, "installations") => Action::GrantRead,
        ("POST", "tokens") => Action::TokenCreate,
        ("DELETE", "tokens") => Action::TokenRevoke,
        (_, "tokens") => Action::TokenRead,
        (_, "replay") => Action::DeliveryReplay,
        (_, "deliveries") => Action::DeliveryRead,
        (_, "retry") => Action::JobRetry,
        (_, "cancel") => Action::JobCancel,
        (_, "jobs") => Action::JobRead,
        (_, "healing") => Action::HealingRead,
        (_, "explain") => Action::ExplanationRead,
        (_, "audit") => Action::AuditRead,
        ("POST", "sign-in") => Action::SessionCreate,
        ("POST", "sign-out") => Action::SessionEnd,
        (_, "console" | "sign-in") => Action::OverviewRead,
        (_, "repositories") => Action::RepositoryRead,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::{console, endpoints};

    /// What everybody may ask for.
    const PUBLIC: [&str; 8] = [
        "/webhooks/github",
        "/livez",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/{path}",
        "/console/assets/{name}",
    ];

    #[test]
    fn whatever_needs_a_token_is_an_action_and_every_action_is_somewhere() {
        let mut named = BTreeSet::new();
        for endpoint in endpoints().into_iter().chain(console::endpoints()) {
            let route = endpoint.template();
            for method in endpoint.methods() {
                let action = action(method, &route);
                let is_public = PUBLIC.contains(&route.as_str()) && *method != Method::POST
                    || route == "/webhooks/github";
                assert_eq!(action.is_none(), is_public, "{method} {route}");
                let is_read = action.is_some_and(|action| action.as_str().ends_with(".read"));
                assert_eq!(
                    action.is_some() && method == Method::GET,
                    is_read,
                    "{method} {route}"
                );
                named.extend(action);
            }
        }
        assert_eq!(named, Action::ALL.iter().copied().collect());
    }
}
