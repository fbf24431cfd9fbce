//! What a folder of a bucket holds, as [`super::super::listing`] shows it of a folder on disk.

use std::collections::BTreeSet;

use object_store::ObjectMeta;
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};

use super::place::S3Place;
use super::told;
use crate::sources::SourceError;
use crate::sources::file::check_name;
use crate::sources::listing::{ListedPicture, Listing, MAX_FOLDERS, is_picture, is_plain};

/// Keys of one answer; storages give no more.
const KEYS: usize = 1_000;

/// Answers that are looked through for a page: a folder with more keys of other things shows what was found in these.
const MAX_ANSWERS: usize = 10;

/// Up to `most` pictures of `folder` (empty for the root) with names after `after`. Where a page is not the first, the
/// folders before it are not shown again.
pub(super) async fn list(
    store: &AmazonS3,
    place: &S3Place,
    folder: &str,
    after: Option<&str>,
    most: usize,
) -> Result<Listing, SourceError> {
    if !folder.is_empty() {
        check_name(folder)?;
    }
    let root = place.key(folder);
    let root = if root.is_empty() { root } else { format!("{}/", root.trim_end_matches('/')) };
    let (mut folders, mut pictures, mut token) = (BTreeSet::new(), Vec::new(), None);
    for _ in 0..MAX_ANSWERS {
        let options = PaginatedListOptions {
            offset: after.map(|name| format!("{root}{name}")),
            delimiter: Some("/".into()),
            max_keys: Some(KEYS),
            page_token: token.take(),
            ..PaginatedListOptions::default()
        };
        let page = store.list_paginated(Some(&root), options).await.map_err(|error| told(&error))?;
        let names = page.result.common_prefixes.iter().filter_map(|prefix| below(&root, prefix.as_ref()));
        folders.extend(names.filter(|name| is_plain(name)).map(str::to_owned));
        while folders.len() > MAX_FOLDERS {
            folders.pop_last();
        }
        pictures.extend(page.result.objects.iter().filter_map(|object| described(&root, object)));
        token = page.page_token;
        if pictures.len() > most || token.is_none() {
            break;
        }
    }
    // A bucket has no folders but those that keys are in.
    if folders.is_empty() && pictures.is_empty() && !folder.is_empty() && after.is_none() {
        return Err(SourceError::NotFound);
    }
    pictures.sort_by(|a: &ListedPicture, b| a.name.cmp(&b.name));
    let has_more = pictures.len() > most;
    pictures.truncate(most);
    Ok(Listing { folders: folders.into_iter().collect(), pictures, has_more })
}

/// The name of what lies in the folder itself.
fn below<'a>(root: &str, key: &'a str) -> Option<&'a str> {
    key.strip_prefix(root).filter(|name| !name.is_empty() && !name.contains('/'))
}

fn described(root: &str, object: &ObjectMeta) -> Option<ListedPicture> {
    let name = below(root, object.location.as_ref()).filter(|name| is_plain(name) && is_picture(name))?;
    let modified_at = u64::try_from(object.last_modified.timestamp_millis()).ok();
    Some(ListedPicture { name: name.to_owned(), bytes: object.size, modified_at })
}
