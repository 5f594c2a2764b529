//! One resource with its methods: what is registered, and what `Allow` says, come from one list.

use actix_web::dev::HttpServiceFactory;
use actix_web::http::Method;
use actix_web::middleware::{Condition, from_fn};
use actix_web::{FromRequest, Handler, Resource, Responder, Route, guard, web};

use super::console;
use super::problem::ApiError;
use super::time_limit;

pub(super) struct Endpoint {
    path: &'static str,
    methods: Vec<Method>,
    routes: Vec<Route>,
    is_limited: bool,
    is_page: bool,
}

impl Endpoint {
    pub(super) fn at(path: &'static str) -> Self {
        Self {
            path,
            methods: Vec::new(),
            routes: Vec::new(),
            is_limited: true,
            is_page: false,
        }
    }

    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// `HEAD` too: the server leaves the body out.
    pub(super) fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let reads = guard::Any(guard::Get()).or(guard::Head());
        self.route(
            &[Method::GET, Method::HEAD],
            web::route().guard(reads).to(handler),
        )
    }

    pub(super) fn put<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(&[Method::PUT], web::put().to(handler))
    }

    pub(super) fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(&[Method::POST], web::post().to(handler))
    }

    pub(super) fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(&[Method::DELETE], web::delete().to(handler))
    }

    fn route(mut self, methods: &[Method], route: Route) -> Self {
        self.methods.extend_from_slice(methods);
        self.routes.push(route);
        self
    }

    /// The path with plain parameters, as the API's description writes it.
    #[cfg(test)]
    pub(super) fn template(&self) -> String {
        self.path.replace(":.*}", "}")
    }

    /// The methods that do something of their own.
    #[cfg(test)]
    pub(super) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter().filter(|method| *method != Method::HEAD)
    }

    /// Without the time limit that requests have of all others: its handler keeps to one of its own.
    pub(super) fn in_its_own_time(mut self) -> Self {
        self.is_limited = false;
        self
    }

    /// For people: whatever it answers, refusals too, is a page of the console's.
    pub(super) fn for_people(mut self) -> Self {
        self.is_page = true;
        self
    }

    pub(super) fn into_resource(self) -> impl HttpServiceFactory + 'static {
        let limit = Condition::new(self.is_limited, from_fn(time_limit::give_up));
        let dress = Condition::new(self.is_page, from_fn(console::dress));
        let names: Vec<_> = self.methods.iter().map(Method::as_str).collect();
        let allow = names.join(", ");
        let resource = web::resource(self.path);
        let resource = self.routes.into_iter().fold(resource, Resource::route);
        let resource = resource.default_service(web::to(move || {
            let refusal = ApiError::method_not_allowed(&allow);
            async move { Err::<&'static str, _>(refusal) }
        }));
        resource.wrap(limit).wrap(dress)
    }
}
