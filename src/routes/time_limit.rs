//! The longest that a request of the API may take. What PostgreSQL does is bounded by its own time-outs,
//! but not what it does not do: a server that is frozen, or cut off, answers nothing at all.

use std::time::Duration;

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use super::problem::ApiError;

/// From the head to the beginning of the answer: a body has five seconds of it (see [`super::body`]), a wait
/// for a connection three and a statement five. How long a client takes to read its answer does not count.
const ANSWER_WITHIN: Duration = Duration::from_millis(8_500);

/// What is given up is closed with its connection, and its transaction is rolled back, unless it was in the
/// middle of its commit. To be wrapped around a resource: what a router is still to match must have one owner.
pub(super) async fn give_up<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let asked = request.request().clone();
    match tokio::time::timeout(ANSWER_WITHIN, next.call(request)).await {
        Ok(answer) => answer.map(ServiceResponse::map_into_left_body),
        Err(_) => {
            let refusal = ApiError::out_of_time();
            Ok(ServiceResponse::from_err(refusal, asked).map_into_right_body())
        }
    }
}
