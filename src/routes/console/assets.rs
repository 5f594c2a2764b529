//! Style, script and picture of the pages: in the binary, each under a name with its hash, so that a browser
//! keeps it for good and never has an old one.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use sha2::{Digest, Sha256};

use super::visitor;
use crate::routes::Api;
use crate::routes::problem::ApiError;

pub(super) struct Asset {
    name: String,
    content_type: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(kind: &str, content_type: &'static str, text: &'static str) -> Self {
        let hash = hex::encode(Sha256::digest(text));
        Self {
            name: format!("{}.{kind}", &hash[..16]),
            content_type,
            text,
        }
    }

    pub(super) fn url(&self, api: &Api) -> String {
        visitor::link(api, &format!("/assets/{}", self.name))
    }
}

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "css",
        "text/css; charset=utf-8",
        include_str!("assets/console.css"),
    )
});
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "js",
        "text/javascript; charset=utf-8",
        include_str!("assets/console.js"),
    )
});
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_str!("assets/icon.svg")));

pub(super) async fn get(name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let assets = [&*STYLE, &*SCRIPT, &*ICON];
    let asset = assets.into_iter().find(|asset| asset.name == *name);
    let asset = asset.ok_or_else(|| ApiError::no_such("part of the console"))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, asset.content_type))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.text))
}
