//! Lists in pages: a page names the cursor of the next one.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Problem;

/// Items of a page where the request does not say.
const DEFAULT_ITEMS: u32 = 50;

/// The most that a page holds.
const MAX_ITEMS: u32 = 500;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Items of the page, at most 500; 50 if not said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` of the page before; nothing for the first page.
    cursor: Option<String>,
}

impl PageQuery {
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(DEFAULT_ITEMS) {
            limit @ 1..=MAX_ITEMS => Ok(limit),
            _ => Err(Problem::invalid(format!("limit takes 1 to {MAX_ITEMS}"))),
        }
    }

    /// The cursor, read; none for the first page.
    pub(super) fn cursor<T: std::str::FromStr>(&self) -> Result<Option<T>, Problem> {
        let read = self.cursor.as_ref().map(|cursor| cursor.parse());
        read.transpose().map_err(|_| Problem::invalid("cursor is none of this list's"))
    }

    /// A page of items that were read behind the cursor, one more than the limit where there are more.
    pub(super) fn cut<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> String) -> Result<Page<T>, Problem> {
        let limit = usize::try_from(self.limit()?).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| has_more).map(key);
        Ok(Page { items, next_cursor })
    }

    /// A page of a list that is short enough to be read whole, in the order of `key`.
    pub(super) fn of<T: ToSchema>(&self, items: Vec<T>, key: impl Fn(&T) -> String) -> Result<Page<T>, Problem> {
        let limit = usize::try_from(self.limit()?).unwrap_or(usize::MAX);
        let after: Option<String> = self.cursor()?;
        let mut rest = items.into_iter();
        if let Some(after) = after
            && !rest.any(|item| key(&item) == after)
        {
            return Err(Problem::invalid("cursor is none of this list's, or its item is gone: begin again"));
        }
        self.cut(rest.take(limit.saturating_add(1)).collect(), key)
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The items.
    pub(super) items: Vec<T>,
    /// For the next page; none on the last.
    pub(super) next_cursor: Option<String>,
}
