//! The `OpenAPI` document, made from the table of routes.

use serde_json::{Map, Value, json};

use super::{
    access::Need,
    error::ErrorAnswer,
    handle::Unreadable,
    table::{Input, Kind, Output, Query, Route, Schemas, schema_of},
};

/// The document, as it is served and kept in `docs/openapi.json`.
pub(crate) fn document(routes: &[Route]) -> Value {
    let mut schemas: Schemas = Vec::new();
    let _error = schema_of::<ErrorAnswer>(&mut schemas);
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.as_str().to_lowercase(), operation);
        }
    }
    let mut named: Map<String, Value> = schemas
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    named.sort_keys();
    paths.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The incident as `portcullis run` sees it. Money is in dollars, as decimal text; amounts are \
                in smallest units, as decimal text; times are milliseconds since 1970. Commands are refused with what is \
                allowed. Approvals of on-chain actions are EIP-712 signatures: no session and no token replaces one.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": named,
            "securitySchemes": {
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "__Host-portcullis",
                    "description": "Opened by POST /api/v1/session. Named `portcullis-session` where the console is at \
                        an http address of this machine. Everything but GET also needs the header `x-csrf-token`.",
                },
                "token": { "type": "http", "scheme": "bearer" },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let path = route.parameters().map(path_parameter);
    let parameters: Vec<Value> = path.chain(route.query.iter().map(query_parameter)).collect();
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.about,
        "parameters": parameters,
        "responses": responses(route, schemas),
    });
    let mut set = |name: &str, value: Value| {
        if let Some(fields) = operation.as_object_mut() {
            fields.insert(name.to_owned(), value);
        }
    };
    match route.need {
        Need::Nothing => set("security", json!([])),
        need => {
            set("security", json!([{ "session": [] }, { "token": [] }]));
            set("description", json!(format!("Needs the access `{}`.", need.name())));
        }
    }
    match route.input {
        Input::Nothing => {}
        Input::Json(schema) => set(
            "requestBody",
            json!({ "required": true, "content": { "application/json": { "schema": schema(schemas) } } }),
        ),
        Input::Bytes => set(
            "requestBody",
            json!({ "required": true, "content": { "application/octet-stream": {} } }),
        ),
    }
    operation
}

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let good = match route.output {
        Output::Json(schema) => json!({
            "description": "Done.", "content": { "application/json": { "schema": schema(schemas) } },
        }),
        Output::Page(schema) => json!({
            "description": "A page. `next` goes into `after` for the next one; null at the end. `unreadable` is there where entries exist that cannot be read.",
            "content": { "application/json": { "schema": {
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": { "type": "array", "items": schema(schemas) },
                    "next": { "type": ["string", "null"] },
                    "unreadable": schema_of::<Unreadable>(schemas),
                },
            } } },
        }),
        Output::Raw(media) => {
            let content: Map<String, Value> =
                media.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
            json!({ "description": "Done.", "content": content })
        }
        Output::Nothing => json!({ "description": "Done." }),
    };
    let status = if matches!(route.output, Output::Nothing) { "204" } else { "200" };
    let mut all = Map::new();
    all.insert(status.to_owned(), good.clone());
    if route.id == "health" {
        let mut blind = good;
        if let Some(fields) = blind.as_object_mut() {
            fields.insert("description".to_owned(), json!("Blind, stale, or behind."));
        }
        all.insert("503".to_owned(), blind);
        return Value::Object(all);
    }
    let error = json!({
        "description": "Refused: `error.code` says why, `error.remedy` what to do.",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ErrorAnswer" } } },
    });
    all.insert("4XX".to_owned(), error.clone());
    all.insert("503".to_owned(), error);
    Value::Object(all)
}

fn path_parameter(name: &str) -> Value {
    let schema = match name {
        "id" => json!({ "type": "string", "pattern": "^PC-[0-9]{1,15}$" }),
        "run" => json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX }),
        "hash" => json!({ "type": "string", "pattern": "^0x[0-9a-f]{64}$" }),
        "sha256" => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
        _ => json!({ "type": "string", "minLength": 1, "maxLength": 200 }),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

fn query_parameter(query: &Query) -> Value {
    let schema = match query.kind {
        Kind::Integer { max } => json!({ "type": "integer", "minimum": 1, "maximum": max }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Text => json!({ "type": "string", "maxLength": 500 }),
        Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
    };
    json!({
        "name": query.name, "in": "query", "required": false,
        "description": query.about, "schema": schema,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes::routes;

    /// Kept beside the code; `PORTCULLIS_BLESS=1` writes it anew.
    #[test]
    fn the_document_is_the_one_in_docs() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let text = format!("{:#}\n", document(&routes()));
        if std::env::var_os("PORTCULLIS_BLESS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap();
        assert!(
            kept == text,
            "docs/openapi.json is old: run `PORTCULLIS_BLESS=1 cargo test the_document`"
        );
    }

    #[test]
    fn every_route_is_named_once_and_says_what_it_is() {
        let routes = routes();
        let mut ids: Vec<&str> = routes.iter().map(|route| route.id).collect();
        ids.sort_unstable();
        let n_ids = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), n_ids);
        for route in &routes {
            assert!(!route.id.is_empty() && !route.about.is_empty(), "{}", route.path);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document(&routes());
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}
