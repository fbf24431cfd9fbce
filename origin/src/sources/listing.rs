//! What a folder of originals holds, for people to look at: a page of picture files by name, and the folders beside.
//!
//! Nothing that a name could hide behind is shown: no dot files, no symbolic links, no names that are no text. Entries
//! are read without following, from the folder's own handle; of a folder of any size only a page is kept in memory.

use std::collections::{BTreeSet, BinaryHeap};
use std::time::UNIX_EPOCH;

use cap_std::fs::Dir;

use super::SourceError;
use super::file::{check_name, refusal};

/// Folders that are shown of one folder.
pub(super) const MAX_FOLDERS: usize = 1_000;

/// How the names of pictures end; what they are is found when they are fetched.
const ENDINGS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "avif", "gif"];

/// A page of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The folders in it, by name; the first thousand.
    pub folders: Vec<String>,
    /// Pictures, by name.
    pub pictures: Vec<ListedPicture>,
    /// Whether pictures follow.
    pub has_more: bool,
}

/// A picture file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPicture {
    /// Its name in the folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last changed, in unix milliseconds, where the disk says so.
    pub modified_at: Option<u64>,
}

/// Up to `most` pictures of `folder` (empty for the root) with names after `after`.
pub(super) fn list(root: &Dir, folder: &str, after: Option<&str>, most: usize) -> Result<Listing, SourceError> {
    let dir = open(root, folder)?;
    let mut folders = BTreeSet::new();
    // The greatest name on top: it goes when there is one too many.
    let mut names = BinaryHeap::new();
    for entry in dir.entries().map_err(|error| refusal(&error))? {
        let entry = entry.map_err(|error| refusal(&error))?;
        let Some(name) = entry.file_name().into_string().ok().filter(|name| is_plain(name)) else { continue };
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            folders.insert(name);
            if folders.len() > MAX_FOLDERS {
                folders.pop_last();
            }
        } else if kind.is_file() && is_picture(&name) && after.is_none_or(|after| name.as_str() > after) {
            names.push(name);
            if names.len() > most + 1 {
                names.pop();
            }
        }
    }
    let mut names = names.into_sorted_vec();
    let has_more = names.len() > most;
    names.truncate(most);
    let pictures = names.into_iter().filter_map(|name| described(&dir, name));
    Ok(Listing { folders: folders.into_iter().collect(), pictures: pictures.collect(), has_more })
}

/// The folder, each step of the way a real one.
fn open(root: &Dir, folder: &str) -> Result<Dir, SourceError> {
    let mut dir = root.try_clone().map_err(|error| refusal(&error))?;
    if folder.is_empty() {
        return Ok(dir);
    }
    check_name(folder)?;
    for step in folder.split('/') {
        let metadata = dir.symlink_metadata(step).map_err(|error| refusal(&error))?;
        if !metadata.is_dir() || !is_plain(step) {
            return Err(SourceError::NotFound);
        }
        dir = dir.open_dir(step).map_err(|error| refusal(&error))?;
    }
    Ok(dir)
}

/// A file that is gone meanwhile is none.
fn described(dir: &Dir, name: String) -> Option<ListedPicture> {
    let metadata = dir.symlink_metadata(&name).ok().filter(|metadata| metadata.is_file())?;
    let since = metadata.modified().ok().and_then(|time| time.into_std().duration_since(UNIX_EPOCH).ok());
    let modified_at = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    Some(ListedPicture { name, bytes: metadata.len(), modified_at })
}

pub(super) fn is_plain(name: &str) -> bool {
    !name.starts_with('.') && !name.chars().any(char::is_control)
}

pub(super) fn is_picture(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn a_folder_shows_its_pictures_in_pages_and_nothing_hidden() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret.jpg"), "x").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b.JPG", "a.png", "c.webp", ".hidden.jpg", "notes.txt", "jpg"] {
            std::fs::write(at(name), "abc").unwrap();
        }
        for name in ["sub", ".git"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        std::fs::write(at("sub/d.gif"), "").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.jpg"), at("out.jpg")).unwrap();
        std::os::unix::fs::symlink(outside.path(), at("out")).unwrap();
        std::os::unix::fs::symlink(at("a.png"), at("in.png")).unwrap();
        let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let shown = |listing: &Listing| listing.pictures.iter().map(|held| held.name.clone()).collect::<Vec<_>>();

        let all = list(&root, "", None, 10).unwrap();
        assert_eq!((shown(&all), all.has_more), (vec!["a.png".into(), "b.JPG".into(), "c.webp".into()], false));
        assert_eq!((all.folders, all.pictures[0].bytes), (vec!["sub".to_owned()], 3));
        let first = list(&root, "", None, 2).unwrap();
        assert_eq!((shown(&first), first.has_more), (vec!["a.png".into(), "b.JPG".into()], true));
        let rest = list(&root, "", Some("b.JPG"), 2).unwrap();
        assert_eq!((shown(&rest), rest.has_more), (vec!["c.webp".into()], false));
        assert_eq!(shown(&list(&root, "sub", None, 2).unwrap()), ["d.gif"]);
        for way_out in ["..", "sub/../..", "/", "/etc", "sub//", "a\0"] {
            assert_eq!(list(&root, way_out, None, 2), Err(SourceError::Malformed), "{way_out}");
        }
        for absent in ["out", "out/x", ".git", "a.png", "none"] {
            assert_eq!(list(&root, absent, None, 2), Err(SourceError::NotFound), "{absent}");
        }
    }
}
