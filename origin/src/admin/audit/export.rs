//! `GET /audit/export`: the whole log as a stream of lines, read a page at a time as the client takes them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as Streamed, Frame};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::responses::Guarded;
use crate::admin::{Admin, Answer, Shared};
use crate::registry::{AuditExport, ExportedEntry, RegistryError};

/// Pages that are read ahead of the client.
const PAGES_AHEAD: usize = 1;

/// Exports the whole audit log: a line of JSON an entry, the oldest first. An export that breaks off is none.
#[utoipa::path(
    get, path = "/audit/export", tag = "audit", security(("bearer" = ["audit:read"]), ("cookie" = [])),
    responses(
        (status = 200, description = "lines of JSON, an entry each", body = ExportedEntry,
            content_type = "application/x-ndjson"),
        Guarded
    ),
)]
pub(super) async fn export(State(admin): State<Shared>, caller: Caller) -> Answer<Response> {
    caller.require(Permission::AuditRead)?;
    let mut export = AuditExport::default();
    // What fails at once still has its own answer.
    let first = export.next(&admin.origin.registry).await?;
    let (sender, pages) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(read(admin, export, first, sender).in_current_span());
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CONTENT_DISPOSITION, "attachment; filename=\"sealpix-audit.ndjson\""),
    ];
    Ok((headers, Body::new(Pages(pages))).into_response())
}

type Lines = Result<Bytes, RegistryError>;

/// Reads on until the end, or until the client is gone.
async fn read(admin: Arc<Admin>, mut export: AuditExport, mut page: Vec<ExportedEntry>, sender: mpsc::Sender<Lines>) {
    while !page.is_empty() {
        let lines: String = page.iter().map(ExportedEntry::line).collect();
        if sender.send(Ok(lines.into())).await.is_err() {
            return;
        }
        page = match export.next(&admin.origin.registry).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "the export of the audit log broke off");
                // The client sees that the answer has no end.
                let _gone = sender.send(Err(error)).await;
                return;
            }
        };
    }
}

/// The pages as a body.
struct Pages(mpsc::Receiver<Lines>);

impl Streamed for Pages {
    type Data = Bytes;
    type Error = RegistryError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RegistryError>>> {
        self.0.poll_recv(context).map(|page| page.map(|lines| lines.map(Frame::data)))
    }
}
