//! One row for each route: who may, what goes in, what comes out. The router, the guard, the `OpenAPI` document and the test
//! of who may do what are all made from it.

use std::sync::Arc;

use axum::{
    extract::DefaultBodyLimit,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter, on},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref, RefOr, schema::Schema},
};

use super::{App, access::Need};

/// Longest body, bytes, where a route does not say otherwise.
pub(crate) const BODY_BYTES_MAX: usize = 64 << 10;

/// Schemas by name, as far as they were named.
pub(crate) type Schemas = Vec<(String, RefOr<Schema>)>;

/// Makes the schema of a type.
pub(crate) type SchemaOf = fn(&mut Schemas) -> RefOr<Schema>;

/// Names a type's schema and those in it.
pub(crate) fn schema_of<T: ToSchema + PartialSchema>(to: &mut Schemas) -> RefOr<Schema> {
    T::schemas(to);
    let name = T::name().into_owned();
    if !to.iter().any(|(known, _)| *known == name) {
        to.push((name.clone(), T::schema()));
    }
    Ref::from_schema_name(name).into()
}

/// A query parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) name: &'static str,
    /// Type in JSON Schema, and a pattern or the largest number.
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
}

/// What a query parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer { max: u64 },
    Boolean,
    Text,
    OneOf(&'static [&'static str]),
}

/// What goes in.
#[derive(Clone, Copy)]
pub(crate) enum Input {
    Nothing,
    Json(SchemaOf),
    /// Any bytes.
    Bytes,
}

/// What comes out.
#[derive(Clone, Copy)]
pub(crate) enum Output {
    Json(SchemaOf),
    /// `{items, next}`.
    Page(SchemaOf),
    /// One of these media types.
    Raw(&'static [&'static str]),
    Nothing,
}

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    /// Name for programs, unique.
    pub(crate) id: &'static str,
    pub(crate) about: &'static str,
    pub(crate) query: Vec<Query>,
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) body_bytes_max: usize,
    handler: MethodRouter<Arc<App>>,
}

/// `limit` and `after` of every list.
pub(crate) const PAGE: [Query; 2] = [
    Query {
        name: "limit",
        kind: Kind::Integer { max: 500 },
        about: "Most items, 1 to 500; default 100.",
    },
    Query { name: "after", kind: Kind::Text, about: "`next` of the page before." },
];

impl Route {
    fn new<H, T>(filter: MethodFilter, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        Self {
            method,
            path,
            need: Need::VIEWER,
            id: "",
            about: "",
            query: Vec::new(),
            input: Input::Nothing,
            output: Output::Nothing,
            body_bytes_max: BODY_BYTES_MAX,
            handler: on(filter, handler),
        }
    }

    pub(crate) fn get<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        Self::new(MethodFilter::GET, Method::GET, path, handler)
    }

    pub(crate) fn post<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        Self::new(MethodFilter::POST, Method::POST, path, handler).needs(Need::RESPONDER)
    }

    pub(crate) fn delete<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        Self::new(MethodFilter::DELETE, Method::DELETE, path, handler)
    }

    pub(crate) fn says(mut self, id: &'static str, about: &'static str) -> Self {
        (self.id, self.about) = (id, about);
        self
    }

    pub(crate) fn needs(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    pub(crate) fn takes<T: ToSchema>(mut self) -> Self {
        self.input = Input::Json(schema_of::<T>);
        self
    }

    pub(crate) fn takes_bytes(mut self, bytes_max: usize) -> Self {
        (self.input, self.body_bytes_max) = (Input::Bytes, bytes_max);
        self
    }

    pub(crate) fn asks(mut self, query: impl IntoIterator<Item = Query>) -> Self {
        self.query.extend(query);
        self
    }

    pub(crate) fn gives<T: ToSchema>(mut self) -> Self {
        self.output = Output::Json(schema_of::<T>);
        self
    }

    pub(crate) fn gives_page<T: ToSchema>(mut self) -> Self {
        self.output = Output::Page(schema_of::<T>);
        self.asks(PAGE)
    }

    pub(crate) fn gives_raw(mut self, media: &'static [&'static str]) -> Self {
        self.output = Output::Raw(media);
        self
    }

    /// Whether it changes something.
    #[cfg(test)]
    pub(crate) fn is_unsafe(&self) -> bool {
        self.method != Method::GET
    }

    /// Names in the path, in order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The handler, with its body limit.
    pub(crate) fn handler(&self) -> MethodRouter<Arc<App>> {
        self.handler.clone().layer(DefaultBodyLimit::max(self.body_bytes_max))
    }
}
