//! The console: pages for people, made here and served with the API. They show what the API shows to the
//! same token, and do what it does, by its own functions; they need no script, and load nothing from elsewhere.
//!
//! A `visitor` is somebody who is signed in; a `meant` form was sent by a page of theirs. What is answered is
//! `dress`ed: a refusal is a page too, and every answer says what a browser may do with it.

mod actions;
mod assets;
mod audit;
mod binding;
mod bindings;
mod cookie;
mod deliveries;
mod delivery;
mod dress;
mod explain;
mod file;
mod files;
mod frame;
mod installations;
mod job;
mod jobs;
mod meant;
mod overview;
mod parts;
mod pills;
mod plot;
mod query;
mod repositories;
mod repository;
mod search;
mod sign_in;
mod time;
mod unwell;
mod visitor;

pub(super) use dress::dress;

use super::endpoint::Endpoint;

/// Every page, and what the pages are made of.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = vec![
        Endpoint::at("/console").get(overview::show),
        Endpoint::at("/console/sign-in")
            .get(sign_in::show)
            .post(sign_in::sign_in),
        Endpoint::at("/console/sign-out").post(sign_in::sign_out),
        Endpoint::at("/console/assets/{name}").get(assets::get),
        Endpoint::at("/console/bindings").get(bindings::list),
        Endpoint::at("/console/deliveries").get(deliveries::list),
        Endpoint::at("/console/deliveries/{id}").get(delivery::show),
        Endpoint::at("/console/deliveries/{id}/replay").post(actions::replay),
        Endpoint::at("/console/jobs").get(jobs::list),
        Endpoint::at("/console/jobs/{id}").get(job::show),
        Endpoint::at("/console/jobs/{id}/retry").post(actions::retry),
        Endpoint::at("/console/jobs/{id}/cancel").post(actions::cancel),
        Endpoint::at("/console/repositories").get(repositories::list),
        Endpoint::at("/console/repositories/{id}").get(repository::show),
        Endpoint::at("/console/installations").get(installations::list),
        Endpoint::at("/console/explain").get(explain::show),
        Endpoint::at("/console/audit").get(audit::list),
    ];
    all.extend(PLACES.into_iter().flat_map(|[itself, sync, files, file]| {
        [
            Endpoint::at(itself).get(binding::show),
            Endpoint::at(sync).post(actions::sync),
            Endpoint::at(files).get(files::list),
            Endpoint::at(file).get(file::show),
        ]
    }));
    // The last: whatever nothing else answers to.
    all.push(Endpoint::at("/console/{path:.*}").get(frame::no_such_page));
    all.into_iter().map(Endpoint::for_people).collect()
}

/// A binding's places, as in the API.
const PLACES: [[&str; 4]; 2] = {
    macro_rules! place {
        ($place:literal) => {
            [
                $place,
                concat!($place, "/sync"),
                concat!($place, "/files"),
                concat!($place, "/files/{path:.*}"),
            ]
        };
    }
    [
        place!("/console/orgs/{org}/bindings/{name}"),
        place!("/console/orgs/{org}/projects/{project}/bindings/{name}"),
    ]
};
