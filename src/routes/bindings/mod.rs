//! Bindings at their four places: on an organisation or a project, by name or as Docverse's
//! `dashboard-template`.

mod at;
mod diff;
mod effective;
mod files;
mod get;
mod list;
mod put;
mod readable;
mod representation;
mod served;
mod sync;

pub(super) use at::At;
pub(super) use files::{begin, path_of};
pub(super) use list::repository;
pub(super) use readable::check as check_readable;
pub(super) use representation::web_url;
pub(super) use sync::{Syncs, sync as request_sync};

use utoipa::OpenApi;

use super::endpoint::Endpoint;

/// Described at the first of their places.
#[derive(OpenApi)]
#[openapi(paths(
    list::list,
    get::get,
    put::put,
    put::delete,
    sync::sync,
    effective::effective,
    diff::diff,
    files::list,
    files::file
))]
pub(super) struct BindingsApi;

/// Below each of these are the same routes.
const PLACES: [[&str; 6]; 4] = {
    macro_rules! place {
        ($place:literal) => {
            [
                $place,
                concat!($place, "/sync"),
                concat!($place, "/effective"),
                concat!($place, "/diff"),
                concat!($place, "/files"),
                concat!($place, "/files/{path:.*}"),
            ]
        };
    }
    [
        place!("/orgs/{org}/bindings/{name}"),
        place!("/orgs/{org}/projects/{project}/bindings/{name}"),
        place!("/orgs/{org}/dashboard-template"),
        place!("/orgs/{org}/projects/{project}/dashboard-template"),
    ]
};

pub(super) fn endpoints() -> impl Iterator<Item = Endpoint> {
    let all = Endpoint::at("/orgs/{org}/bindings").get(list::list);
    std::iter::once(all).chain(places())
}

fn places() -> impl Iterator<Item = Endpoint> {
    PLACES
        .into_iter()
        .flat_map(|[itself, sync, effective, diff, files, file]| {
            [
                Endpoint::at(itself)
                    .get(get::get)
                    .put(put::put)
                    .delete(put::delete),
                Endpoint::at(sync).post(sync::sync),
                Endpoint::at(effective).get(effective::effective),
                Endpoint::at(diff).get(diff::diff).in_its_own_time(),
                Endpoint::at(files).get(files::list),
                Endpoint::at(file).get(files::file),
            ]
        })
}
