//! A file's bytes on their way out: within what all of them together may hold in memory, and such that no
//! browser takes them for a page or a script of this origin.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header;
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::content::ContentFile;
use crate::ids::OrganizationId;
use crate::routes::Api;
use crate::routes::budget::{STEP, Share};
use crate::routes::etag::ETag;
use crate::routes::problem::ApiError;

/// How long a file waits for room before it is refused: the rest of the request's time is the database's.
const PATIENCE: Duration = Duration::from_secs(3);

/// Room for the bytes of a file, until its last reader has them; one within the first step needs none. An
/// organisation whose readers are slow has half of all room, and leaves the rest to the others.
pub(super) async fn room(
    file: &ContentFile,
    organization: OrganizationId,
    api: &Api,
) -> Result<Option<Share>, ApiError> {
    let bytes = usize::try_from(file.size).unwrap_or(usize::MAX);
    if bytes <= STEP {
        return Ok(None);
    }
    let share = tokio::time::timeout(PATIENCE, api.files.share(bytes, organization)).await;
    share.map(Some).map_err(|_| {
        ApiError::unavailable(&"the files that are being read hold all of BINDERY_FILES_MEMORY")
    })
}

pub(super) fn raw(file: &ContentFile, bytes: Vec<u8>, room: Option<Share>) -> HttpResponse {
    let is_text = !bytes.contains(&0) && std::str::from_utf8(&bytes).is_ok();
    let content_type = if is_text {
        "text/plain; charset=utf-8"
    } else {
        "application/octet-stream"
    };
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    HttpResponse::Ok()
        .insert_header((header::ETAG, ETag::new(&file.sha).as_str()))
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'",
        ))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename*=UTF-8''{name}"),
        ))
        .body(Served {
            rest: bytes.into(),
            _room: room,
        })
}

/// Handed out in steps: the server copies what it is given, and would hold a whole file twice.
struct Served {
    rest: Bytes,
    _room: Option<Share>,
}

impl MessageBody for Served {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let step = self.rest.len().min(STEP);
        let next = self.rest.split_to(step);
        Poll::Ready((!next.is_empty()).then_some(Ok(next)))
    }
}
