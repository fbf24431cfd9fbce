//! Who may use a route, asked before anything of its body is read.
//!
//! The route's own description says it: `security(("bearer" = ["keys:write"]), …)` names the permission,
//! `security(())` lets everybody in. A route that says nothing lets nobody in.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value as Json;
use utoipa::openapi::OpenApi;

use super::caller::Caller;
use super::{Admin, Problem};
use crate::access::permission::Permission;

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing: everybody may.
    Nothing,
    /// Somebody who is known.
    Somebody,
    /// A permission.
    Permission(Permission),
}

/// What each route needs, by method and path.
#[derive(Debug, Clone, Default)]
pub(super) struct Rights(Arc<HashMap<(String, String), Need>>);

impl Rights {
    /// As the document says. An operation whose permission is none of ours is left out.
    pub(super) fn of(document: &OpenApi) -> Self {
        let document = serde_json::to_value(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            operations.filter_map(move |(method, operation)| {
                need(&operation["security"]).map(|need| ((method.to_ascii_uppercase(), path.clone()), need))
            })
        });
        Self(Arc::new(operations.collect()))
    }

    fn need(&self, method: &Method, path: &str) -> Option<Need> {
        let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
        self.0.get(&(method.as_str().to_owned(), path.to_owned())).copied()
    }
}

fn need(security: &Json) -> Option<Need> {
    let first = security.as_array()?.first()?.as_object()?;
    let Some(scopes) = first.get("bearer") else { return first.is_empty().then_some(Need::Nothing) };
    match scopes.as_array()?.as_slice() {
        [] => Some(Need::Somebody),
        [name] => {
            let name = name.as_str()?;
            let permission = Permission::ALL.iter().find(|permission| permission.as_str() == name)?;
            Some(Need::Permission(*permission))
        }
        _ => None,
    }
}

/// Finds out who calls, refuses who may not, and hands the caller on.
pub(super) async fn judge(
    State((admin, rights)): State<(Arc<Admin>, Rights)>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let needed = rights.need(request.method(), &path);
    if needed == Some(Need::Nothing) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let judged = async {
        let caller = Caller::from_request_parts(&mut parts, &admin).await?;
        match needed {
            Some(Need::Permission(permission)) => caller.require(permission)?,
            Some(Need::Somebody) => caller.require_somebody()?,
            Some(Need::Nothing) | None => return Err(Problem::forbidden("nobody may use this route")),
        }
        Ok(caller)
    };
    match judged.await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scope;

    #[test]
    fn every_scope_opens_a_route() {
        let (_, document) = crate::admin::described().split_for_parts();
        let rights = Rights::of(&document);
        let opens = |permission| rights.0.values().any(|need| *need == Need::Permission(permission));
        let idle = Scope::all().filter(|scope| !opens(scope.permission())).map(Scope::as_str);
        assert_eq!(idle.collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn every_route_says_who_may_use_it() {
        let (_, document) = crate::admin::described().split_for_parts();
        let rights = Rights::of(&document);
        let document = serde_json::to_value(&document).unwrap();
        let mut open = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                let method = method.to_ascii_uppercase();
                let need = rights.0.get(&(method.clone(), path.clone()));
                assert!(need.is_some(), "{method} {path} lets nobody in");
                if need == Some(&Need::Nothing) {
                    open.push(format!("{method} {path}"));
                }
            }
        }
        open.sort();
        let expected = [
            "GET /api/v1/settings/public",
            "GET /api/v1/setup",
            "POST /api/v1/sessions",
            "POST /api/v1/sessions/guest",
            "POST /api/v1/setup",
        ];
        assert_eq!(open, expected, "open to everybody");
    }
}
