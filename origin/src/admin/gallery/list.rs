//! `GET /projects/{slug}/gallery`.

use axum::Json;
use axum::extract::State;
use sealpix::operations::{Name, Operations};
use sealpix::source::Source;
use sealpix::target::{Request, Slug};

use super::shape::{Gallery, Picture, Thumbnail, Wanted};
use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::{Asked, Input};
use crate::admin::responses::{Asking, Guarded, Judged, Named};
use crate::admin::{Admin, Answer, Problem, Shared};
use crate::registry::{Key, Project, SourceKind, StoredSource};
use crate::signing::{SignError, sign};
use crate::sources::SourceError;
use crate::sources::listing::{ListedPicture, Listing};

/// How long a thumbnail's URL is valid: a look at the page.
const THUMBNAIL_SECS: u64 = 600;

/// What a thumbnail is.
const THUMBNAIL: &str = "w_320,h_320,f_auto";

/// Pictures of a page where the request does not say, and at most.
const PICTURES: (usize, usize) = (50, 200);

/// Lists the pictures of a folder that the project may use. Hidden files and symbolic links are never shown.
#[utoipa::path(
    get, path = "/projects/{slug}/gallery", tag = "gallery",
    security(("bearer" = ["gallery:read"]), ("cookie" = [])),
    params(("slug" = String, Path, description = "the project's name"), Wanted),
    responses(
        (status = 200, description = "a page of pictures", body = Gallery),
        Asking, Named, Judged, Guarded
    ),
)]
pub(super) async fn list(
    State(admin): State<Shared>,
    caller: Caller,
    Input(slug): Input<Slug>,
    Asked(query): Asked<Wanted>,
) -> Answer<Json<Gallery>> {
    caller.require(Permission::GalleryRead)?;
    let project = admin.origin.registry.project(&slug).await?;
    let project = project.ok_or_else(|| Problem::missing(format!("project {slug}")))?.value;
    let stored = admin.folder(&project, query.source.as_ref()).await?;
    let most = match query.limit.unwrap_or(PICTURES.0) {
        most if (1..=PICTURES.1).contains(&most) => most,
        _ => return Err(Problem::invalid(format!("limit takes 1 to {}", PICTURES.1))),
    };
    let prefix = query.prefix.as_deref().unwrap_or_default().trim_end_matches('/').to_owned();
    let listing = admin.listed(&stored, &prefix, query.cursor, most).await?;
    let keys = admin.origin.registry.keys(Some(&slug)).await?;
    let key = keys.into_iter().find(|key| key.is_in_use(caller.now() / 1000));
    let next_cursor = listing.pictures.last().filter(|_| listing.has_more).map(|last| last.name.clone());
    let shelf =
        Shelf { admin: &admin, project: &project, source: &stored.name, prefix: &prefix, key, now: caller.now() };
    let items = listing.pictures.into_iter().map(|listed| shelf.picture(listed)).collect::<Answer<_>>()?;
    Ok(Json(Gallery { source: stored.name.to_string(), folders: listing.folders, items, next_cursor }))
}

impl Admin {
    /// The granted folder that is meant.
    async fn folder(&self, project: &Project, name: Option<&Name>) -> Answer<StoredSource> {
        let sources = self.origin.registry.sources().await?;
        let is_granted = |source: &StoredSource| project.grants.iter().any(|grant| grant.name == source.name);
        let found = sources.into_iter().find(|source| {
            source.kind != SourceKind::Http && is_granted(source) && name.is_none_or(|name| source.name == *name)
        });
        found.ok_or_else(|| Problem::missing("such folder that the project may use"))
    }

    async fn listed(&self, stored: &StoredSource, folder: &str, after: Option<String>, most: usize) -> Answer<Listing> {
        let grant = sealpix::record::Grant { name: stored.name.clone(), version: stored.version };
        let unreadable = || Problem::unfit("source_unreadable", "the folder cannot be read; the origin's log says why");
        let source = self.sources.named(&self.origin, &grant).await.map_err(|error| {
            tracing::error!(%error, source = %grant.name, "configured source");
            unreadable()
        })?;
        source.list(folder, after, most, self.origin.config.fetch.deadline).await.map_err(|error| match error {
            SourceError::Malformed => {
                Problem::invalid("prefix takes a folder as a/b, without . and .. and empty names")
            }
            SourceError::NotFound => Problem::missing("such folder"),
            _ => unreadable(),
        })
    }
}

/// What the pictures of a page have in common.
struct Shelf<'a> {
    admin: &'a Admin,
    project: &'a Project,
    source: &'a Name,
    prefix: &'a str,
    key: Option<Key>,
    now: u64,
}

impl Shelf<'_> {
    fn picture(&self, listed: ListedPicture) -> Answer<Picture> {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        let source =
            Source::Named { name: self.source.clone(), text: format!("{}{slash}{}", self.prefix, listed.name) };
        Ok(Picture {
            thumbnail: self.thumbnail(&source)?,
            source: source.to_string(),
            name: listed.name,
            bytes: listed.bytes,
            modified_at: listed.modified_at,
        })
    }

    fn thumbnail(&self, source: &Source) -> Answer<Option<Thumbnail>> {
        let (Some(key), Ok(operations)) = (&self.key, Operations::read(THUMBNAIL)) else { return Ok(None) };
        let now_secs = self.now / 1000;
        let request = Request {
            project: self.project.slug.clone(),
            operations,
            source: source.clone(),
            key: key.public_key,
            expires: Some(now_secs + THUMBNAIL_SECS),
        };
        let origin = &self.admin.origin;
        match sign(origin, &request, key, self.project, now_secs) {
            Ok(target) => {
                let url = origin.config.edge_url.as_ref().map(|edge| format!("{edge}{target}"));
                Ok(Some(Thumbnail { target, url }))
            }
            // The key's policy, or a name that no URL can say.
            Err(SignError::Denied(_) | SignError::Target(_)) => Ok(None),
            Err(error @ SignError::Open(_)) => Err(error.into()),
        }
    }
}
