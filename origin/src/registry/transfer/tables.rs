//! Every table with its columns, for moving a registry whole. A test compares it with the real schema.

/// Rows with a picture that are held at once.
const PICTURE_ROWS: usize = 8;

/// A table.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in the order of the schema.
    pub columns: &'static [&'static str],
    /// How many of them, from the first on, are the primary key.
    pub key: usize,
}

/// Every table, those that others refer to before these.
pub const TABLES: &[Table] = &[
    Table { name: "settings", columns: &["name", "value", "value_cell", "cell_version"], key: 1 },
    Table {
        name: "projects",
        columns: &[
            "slug",
            "environment",
            "referers",
            "require_referer",
            "sources",
            "presets",
            "caching",
            "epoch",
            "version",
            "is_removed",
            "key_defaults",
            "fallback",
        ],
        key: 1,
    },
    Table {
        name: "api_keys",
        columns: &[
            "public_key",
            "project",
            "name",
            "secret_cell",
            "cell_version",
            "state",
            "not_after",
            "limits",
            "policy",
            "version",
            "created_at",
        ],
        key: 1,
    },
    Table {
        name: "sources",
        columns: &["name", "kind", "location", "version", "credentials_cell", "cell_version"],
        key: 1,
    },
    Table {
        name: "watermarks",
        columns: &["project", "name", "version", "width", "height", "picture", "created_at", "changed_at"],
        key: 2,
    },
    Table { name: "grants", columns: &["project", "source"], key: 2 },
    Table { name: "source_epochs", columns: &["project", "prefix", "epoch"], key: 2 },
    Table { name: "edge_links", columns: &["id", "secret_cell", "cell_version", "is_current", "created_at"], key: 1 },
    Table {
        name: "edge_outbox",
        columns: &["name", "version", "queued_at", "attempts", "next_try", "leased_until"],
        key: 1,
    },
    Table {
        name: "users",
        columns: &[
            "id",
            "email",
            "name",
            "role",
            "password_hash",
            "is_active",
            "created_at",
            "changed_at",
            "last_login_at",
        ],
        key: 1,
    },
    Table {
        name: "sessions",
        columns: &["id", "user_id", "created_at", "expires_at", "address", "user_agent"],
        key: 1,
    },
    Table {
        name: "api_tokens",
        columns: &["id", "user_id", "name", "secret_hash", "scopes", "created_at", "expires_at", "last_used_at"],
        key: 1,
    },
    Table { name: "login_attempts", columns: &["subject", "failures", "since", "blocked_until"], key: 1 },
    Table { name: "login_failures", columns: &["account", "address", "minute", "count"], key: 3 },
    Table {
        name: "idempotency",
        columns: &["id", "request_hash", "answer_cell", "cell_version", "created_at"],
        key: 1,
    },
    Table {
        name: "audit_log",
        columns: &[
            "seq",
            "at",
            "action",
            "actor_kind",
            "actor",
            "address",
            "request_id",
            "target",
            "before",
            "after",
            "hash",
        ],
        key: 1,
    },
    Table { name: "usage", columns: &["public_key", "minute", "outcome", "format", "count", "bytes"], key: 4 },
    Table { name: "usage_reports", columns: &["id", "received_at"], key: 1 },
    Table {
        name: "request_log",
        columns: &[
            "id",
            "at",
            "public_key",
            "project",
            "outcome",
            "status",
            "source",
            "operations",
            "millis",
            "bytes",
            "count",
        ],
        key: 1,
    },
    Table { name: "instances", columns: &["id", "host", "version", "started_at", "seen_at"], key: 1 },
];

impl Table {
    /// The table of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// How many of its rows are held at once, where `most` would be of texts: those with pictures are a mebibyte each.
    pub(super) fn at_once(&self, most: usize) -> usize {
        if self.columns.contains(&"picture") { most.min(PICTURE_ROWS) } else { most }
    }

    /// Up to a page of rows: the first, or those behind the key in `$1`, `$2`, …
    pub(super) fn page(&self, is_first: bool, most: usize) -> String {
        let columns = self.columns.join(", ");
        let key = self.columns.get(..self.key).unwrap_or_default().join(", ");
        let behind = if is_first {
            String::new()
        } else {
            let values: Vec<_> = (1..=self.key).map(|place| format!("${place}")).collect();
            format!("WHERE ({key}) > ({}) ", values.join(", "))
        };
        format!("SELECT {columns} FROM {} {behind}ORDER BY {key} LIMIT {most}", self.name)
    }

    /// Adds so many rows.
    pub(super) fn insert(&self, rows: usize) -> String {
        let width = self.columns.len();
        let row = |row: usize| {
            let values: Vec<_> = (1..=width).map(|place| format!("${}", row * width + place)).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<_> = (0..rows).map(row).collect();
        format!("INSERT INTO {} ({}) VALUES {}", self.name, self.columns.join(", "), rows.join(", "))
    }
}
