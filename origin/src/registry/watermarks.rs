//! Table `watermarks`: pictures of a project, each under a name, cleaned before they come here.

use sealpix::operations::Name;
use sealpix::record::Grant;
use sealpix::target::Slug;
use serde_json::json;

use super::database::{Row, values};
use super::{
    Change, Project, ProjectError, Query, RecordName, Registry, RegistryError, Versioned, next_version, outbox, purges,
};
use crate::images::{Derivative, ImageError, Mark};

/// Most bytes of a watermark, as sent and as kept: logos have some tens of kilobytes.
pub const MAX_WATERMARK_BYTES: usize = 1 << 20;

/// Most watermarks of a project: what a registry holds, and its backup, stay of a size that is moved in seconds.
pub const MAX_WATERMARKS: usize = 64;

/// Why a picture is refused as a watermark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatermarkError {
    /// As it was sent, or as the PNG that it becomes.
    #[error("the picture is larger than {MAX_WATERMARK_BYTES} bytes, as it is or as the PNG that is kept of it")]
    TooManyBytes,
    /// More than a mark may have.
    #[error("the picture has more than {} pixels", Mark::MAX_PIXELS)]
    TooManyPixels,
    /// The engine does not take it.
    #[error("the picture cannot be a watermark: {0}")]
    Image(ImageError),
}

/// The picture of a watermark to be, as it is kept: a PNG of its pixels and nothing else. This decodes and encodes it.
pub fn read_watermark(bytes: &[u8]) -> Result<Derivative, WatermarkError> {
    let refused = |error| match error {
        ImageError::SourceTooLarge => WatermarkError::TooManyPixels,
        error => WatermarkError::Image(error),
    };
    if bytes.len() > MAX_WATERMARK_BYTES {
        return Err(WatermarkError::TooManyBytes);
    }
    let kept = Mark::open(bytes).and_then(|mark| mark.to_png()).map_err(refused)?;
    if kept.bytes.len() <= MAX_WATERMARK_BYTES { Ok(kept) } else { Err(WatermarkError::TooManyBytes) }
}

/// What is known of a watermark beside its picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWatermark {
    /// Its name in `wm`.
    pub name: Name,
    /// Rises with each change.
    pub version: u64,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Of the picture, a PNG.
    pub bytes: u64,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub changed_at: u64,
}

/// `length` is of 4 bytes in one database and of 8 in the other.
const COLUMNS: &str = "name, version, width, height, CAST(length(picture) AS BIGINT), created_at, changed_at";

fn read(row: &Row) -> Result<StoredWatermark, RegistryError> {
    Ok(StoredWatermark {
        name: row.parsed(0, "watermark", Name::new)?,
        version: row.get(1)?,
        width: row.get(2)?,
        height: row.get(3)?,
        bytes: row.get(4)?,
        created_at: row.get(5)?,
        changed_at: row.get(6)?,
    })
}

async fn find(db: &mut impl Query, project: &Slug, name: &Name) -> Result<Option<StoredWatermark>, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM watermarks WHERE project = $1 AND name = $2");
    db.row(&sql, values![project.as_str(), name.as_str()]).await?.as_ref().map(read).transpose()
}

/// The picture of a watermark and the version that it has.
async fn picture(
    db: &mut impl Query,
    project: &Slug,
    name: &Name,
) -> Result<Option<Versioned<Vec<u8>>>, RegistryError> {
    let sql = "SELECT picture, version FROM watermarks WHERE project = $1 AND name = $2";
    let row = db.row(sql, values![project.as_str(), name.as_str()]).await?;
    row.map(|row| Ok(Versioned { value: row.get(0)?, version: row.get(1)? })).transpose()
}

/// As the audit log shows it.
fn described(watermark: &StoredWatermark) -> serde_json::Value {
    json!({ "width": watermark.width, "height": watermark.height, "bytes": watermark.bytes })
}

impl Registry {
    /// The watermarks of a project, in the order of their names' bytes.
    pub async fn watermarks(&self, project: &Slug) -> Result<Vec<StoredWatermark>, RegistryError> {
        let sql = format!("SELECT {COLUMNS} FROM watermarks WHERE project = $1");
        let rows = self.database.read(&sql, values![project.as_str()]).await?;
        let mut watermarks: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
        watermarks.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        Ok(watermarks)
    }

    /// A watermark.
    pub async fn watermark(&self, project: &Slug, name: &Name) -> Result<Option<StoredWatermark>, RegistryError> {
        find(&mut self.reading(), project, name).await
    }

    /// The picture of a watermark and the version that it has.
    pub async fn watermark_picture(
        &self,
        project: &Slug,
        name: &Name,
    ) -> Result<Option<Versioned<Vec<u8>>>, RegistryError> {
        picture(&mut self.reading(), project, name).await
    }
}

impl Change {
    /// Creates a watermark of a project, or changes its picture; an equal one keeps its version, so that cached pictures
    /// stay. The picture is what [`read_watermark`] made.
    ///
    /// # Errors
    /// [`RegistryError::Missing`]: no such project. [`RegistryError::Refused`]: it has as many as it may, or its record has
    /// no room for one more.
    pub async fn put_watermark(
        &mut self,
        slug: &Slug,
        name: &Name,
        mark: &Derivative,
    ) -> Result<StoredWatermark, RegistryError> {
        let project = self.project(slug).await?;
        let stored = find(self, slug, name).await?;
        if let Some(stored) = &stored
            && picture(self, slug, name).await?.is_some_and(|held| held.value == mark.bytes)
        {
            return Ok(stored.clone());
        }
        if stored.is_none() && project.value.watermarks.len() >= MAX_WATERMARKS {
            return Err(RegistryError::Refused(format!(
                "project {slug} has {MAX_WATERMARKS} watermarks, which is the most"
            )));
        }
        let mut wanted = project.value.clone();
        let version = next_version(project.version, self.now());
        wanted.watermarks.retain(|held| held.name != *name);
        wanted.watermarks.push(Grant { name: name.clone(), version });
        wanted.check().map_err(|error: ProjectError| RegistryError::Refused(error.to_string()))?;
        self.put_marked(&project, wanted, version).await?;
        let put = StoredWatermark {
            name: name.clone(),
            version,
            width: mark.width,
            height: mark.height,
            bytes: mark.bytes.len() as u64,
            created_at: stored.as_ref().map_or(self.now(), |stored| stored.created_at),
            changed_at: self.now(),
        };
        let sql = "INSERT INTO watermarks (project, name, version, width, height, picture, created_at, changed_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (project, name) DO UPDATE SET \
                   version = $3, width = $4, height = $5, picture = $6, changed_at = $8";
        let values = values![
            slug.as_str(),
            name.as_str(),
            version,
            put.width,
            put.height,
            mark.bytes.clone(),
            put.created_at,
            put.changed_at,
        ];
        self.execute(sql, values).await?;
        let action = if stored.is_some() { "watermark.change" } else { "watermark.create" };
        let before = stored.as_ref().map(described);
        self.note(action, format!("watermark {slug}/{name}"), before, Some(described(&put)));
        Ok(put)
    }

    /// Removes a watermark: URLs that name it are refused from now on.
    ///
    /// # Errors
    /// [`RegistryError::Missing`]: no such project or watermark.
    pub async fn remove_watermark(&mut self, slug: &Slug, name: &Name) -> Result<(), RegistryError> {
        let project = self.project(slug).await?;
        let stored = find(self, slug, name).await?;
        let stored = stored.ok_or_else(|| RegistryError::Missing(format!("watermark {name}")))?;
        let sql = "DELETE FROM watermarks WHERE project = $1 AND name = $2";
        self.execute(sql, values![slug.as_str(), name.as_str()]).await?;
        let version = next_version(project.version, self.now());
        self.put_marked(&project, project.value.clone(), version).await?;
        self.note("watermark.remove", format!("watermark {slug}/{name}"), Some(described(&stored)), None);
        Ok(())
    }

    /// Moves the version of a project whose watermarks change; they stand in its record. Where that has no room for its
    /// purges of parts any more, the whole project is purged.
    async fn put_marked(
        &mut self,
        stored: &Versioned<Project>,
        mut wanted: Project,
        version: u64,
    ) -> Result<(), RegistryError> {
        if !wanted.fits() {
            wanted.purge(None, self.now());
            purges::store(self, &stored.value, &wanted).await?;
        }
        let sql = "UPDATE projects SET epoch = $2, version = $3 WHERE slug = $1";
        self.execute(sql, values![wanted.slug.as_str(), wanted.epoch, version]).await?;
        outbox::queue(self, &RecordName::Project(wanted.slug), version).await
    }
}
