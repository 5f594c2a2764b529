//! Hangs up after the answer to a request whose chunked body was not read to its end. The server
//! would go on reading it, with no limit and for as long as the client likes; of a body with a
//! length it hangs up by itself.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::{Stream, StreamExt, stream};

type Shared = Rc<RefCell<Payload>>;

pub(super) async fn hang_up<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let payload = is_chunked.then(|| share(&mut request));
    let answer = next.call(request).await?.map_into_boxed_body();
    Ok(match payload {
        None => answer,
        Some(payload) => answer.map_body(|_, body| {
            BoxBody::new(Held {
                body,
                _payload: payload,
            })
        }),
    })
}

/// The request's payload, which outlives the handler's use of it.
fn share(request: &mut ServiceRequest) -> Shared {
    let shared = Rc::new(RefCell::new(request.take_payload()));
    let used = shared.clone();
    let read = stream::poll_fn(move |context| used.borrow_mut().poll_next_unpin(context));
    let read: Pin<Box<dyn Stream<Item = _>>> = Box::pin(read);
    request.set_payload(read.into());
    shared
}

/// An answer that keeps the request's payload: while somebody has it, the server does not read on.
struct Held {
    body: BoxBody,
    _payload: Shared,
}

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
