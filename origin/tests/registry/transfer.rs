//! A registry that is moved whole, between both databases in every direction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sealpix_origin::registry::database::schema_version;
use sealpix_origin::registry::transfer::{BackupFile, TABLES, TransferError};
use sealpix_origin::registry::{Author, ChainVerdict};

use crate::home::{Home, Opened, key, name, project, slug, source};
use crate::watermarks::mark;

const NOW: u64 = 1_800_000_000_000;

/// Rows of the table that fills several pages: more than a page, and no round number.
const MANY: usize = 1_203;

/// A registry with rows in every table, and every kind of value in them.
async fn filled(home: &Home) -> Opened {
    let registry = home.open().await;
    let sources = vec![source("a", "https://a.example")];
    registry.apply(vec![project("my-app", &["a"])], vec![key(1), key(2)], sources, NOW).await.unwrap();
    let mut change = registry.begin(NOW).await;
    // More than are read at once.
    for number in 0..20 {
        let name = name(&format!("mark-{number}"));
        change.put_watermark(&slug("my-app"), &name, &mark(number)).await.unwrap();
    }
    change.commit().await.unwrap();
    let text = "ü ''\" \\ \n\t $1 ? 𝄞";
    home.tamper(&format!(
        "INSERT INTO settings (name, value, value_cell, cell_version) VALUES ('none', NULL, NULL, 1);
         INSERT INTO settings (name, value, value_cell, cell_version) VALUES ('cell', NULL, 'v1.x.y', 9007199254740993);
         INSERT INTO source_epochs VALUES ('my-app', '@a/ü, b/', {NOW}), ('my-app', '@a/x', 5);
         INSERT INTO edge_links VALUES ('el', 'v1.x.y', 2, 1, {NOW});
         INSERT INTO users VALUES ('u', 'a@b.c', '{text}', 'admin', '$argon2id$', 1, {NOW}, {NOW}, NULL);
         INSERT INTO sessions VALUES ('s', 'u', {NOW}, 9223372036854775807, NULL, '{text}');
         INSERT INTO sessions VALUES ('g', NULL, {NOW}, -1, '::1', '');
         INSERT INTO api_tokens VALUES ('t', 'u', 'n', 'h', '[]', {NOW}, NULL, NULL);
         INSERT INTO login_attempts VALUES ('account:a@b.c', 3, {NOW}, 0);
         INSERT INTO login_failures VALUES ('a', '::1', 1, 1), ('a', '::1', 2, 1), ('a', '::2', 1, 1);
         INSERT INTO idempotency VALUES ('i', 'h', NULL, 1, {NOW});
         INSERT INTO usage VALUES ('pk', 1, 'ok', 'jpg', 1, 9), ('pk', 1, 'no', 'none', 1, 0), ('pk', 2, 'ok', 'jpg', 1, 9);
         INSERT INTO usage_reports VALUES ('r', {NOW});
         INSERT INTO instances VALUES ('i', 'h', '0', {NOW}, {NOW});"
    ));
    let rows = (0..MANY).map(|number| format!("('{number}', {NOW}, 'pk', 'my-app', 'ok', 200, 's', 'o', 1, 1, 1)"));
    home.tamper(&format!("INSERT INTO request_log VALUES {}", rows.collect::<Vec<_>>().join(", ")));
    registry
}

/// A registry's backup.
async fn backed_up(registry: &Opened) -> Vec<u8> {
    let mut bytes = Vec::new();
    let counts = registry.back_up(&mut bytes, NOW).await.unwrap();
    assert!(counts.values().all(|count| *count > 0));
    bytes
}

/// Every row; without what a restore adds, where it is asked to leave that out.
async fn rows(registry: &Opened, moved: bool) -> BTreeSet<String> {
    let text = String::from_utf8(backed_up(registry).await).unwrap();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let own = |line: &&String| line.contains("\"audit.head\"") || line.contains("\"registry.");
    let (added, kept): (Vec<_>, Vec<_>) = lines[1..lines.len() - 1].iter().partition(own);
    assert_eq!(added.len(), if moved { 2 } else { 1 }, "{added:?}");
    kept.into_iter().cloned().collect()
}

struct File(tempfile::TempDir);

impl File {
    fn holding(bytes: &[u8]) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("backup")
    }
}

async fn restore(registry: &Opened, path: &Path) -> Result<(), TransferError> {
    let mut backup = BackupFile::open(path)?;
    let mut change = registry.change(&Author::system(NOW)).await?;
    change.restore(&mut backup).await?;
    Ok(change.commit().await?)
}

async fn copy(from: &Opened, to: &Opened) -> Result<(), TransferError> {
    let mut change = to.change(&Author::system(NOW)).await?;
    change.copy_from(from).await?;
    Ok(change.commit().await?)
}

/// Moved by file and by copy, it is what it was.
async fn is_moved(from: &Home, by_file: &Home, by_copy: &Home) {
    let original = filled(from).await;
    let expected = rows(&original, false).await;
    assert!(expected.len() > MANY + TABLES.len());
    let (restored, copied) = (by_file.open().await, by_copy.open().await);
    restore(&restored, &File::holding(&backed_up(&original).await).path()).await.unwrap();
    copy(&original, &copied).await.unwrap();
    let ChainVerdict::Intact { last, .. } = original.verify_audit_log().await.unwrap() else { panic!("broken") };
    for moved in [restored, copied] {
        assert_eq!(rows(&moved, true).await, expected);
        let intact = ChainVerdict::Intact { first: 1, last: last + 1 };
        assert_eq!(moved.verify_audit_log().await.unwrap(), intact, "and says that it was moved");
        assert_eq!(moved.keys(None).await.unwrap(), original.keys(None).await.unwrap());
        let refused = copy(&original, &moved).await.unwrap_err();
        assert!(matches!(refused, TransferError::NotEmpty("settings")), "{refused}");
        assert_eq!(rows(&moved, true).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sqlite_to_sqlite() {
    is_moved(&Home::sqlite(), &Home::sqlite(), &Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sqlite_to_postgres() {
    is_moved(&Home::sqlite(), &Home::postgres(), &Home::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_postgres_to_sqlite() {
    is_moved(&Home::postgres(), &Home::sqlite(), &Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_postgres_to_postgres() {
    is_moved(&Home::postgres(), &Home::postgres(), &Home::postgres()).await;
}

/// Whatever is wrong with the file, the target is as it was.
async fn refuses_what_is_no_whole_backup(home: &Home) {
    let whole = backed_up(&filled(&Home::sqlite()).await).await;
    let text = String::from_utf8(whole.clone()).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let without_tail = lines[..lines.len() - 1].concat();
    // With a digest that is right, so that what is behind it is judged.
    let signed = |body: &str| {
        use sha2::Digest as _;
        let mut rows = BTreeMap::<&str, u64>::new();
        for line in body.lines().skip(1) {
            *rows.entry(line.split('"').nth(1).unwrap()).or_default() += 1;
        }
        let sha256: String = sha2::Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{body}{}\n", serde_json::json!({ "rows": rows, "sha256": sha256 })).into_bytes()
    };
    assert!(signed(&without_tail) == whole, "the digest is made as written");
    let held = format!("\"schema\":{}", schema_version());
    let schema = |number: i64| signed(&without_tail.replacen(&held, &format!("\"schema\":{number}"), 1));
    let short_row = without_tail.replacen(r#"["grants","my-app","a"]"#, r#"["grants","my-app"]"#, 1);
    assert_ne!(short_row, without_tail);
    let counted = text.replacen("\"rows\":{\"api_keys\":2", "\"rows\":{\"api_keys\":3", 1).into_bytes();
    assert_ne!(counted, whole);
    let orphan = without_tail.replacen(r#"["grants","my-app","a"]"#, r#"["grants","my-app","nowhere"]"#, 1);
    let registry = home.open().await;
    for (bytes, message) in [
        (without_tail.clone().into_bytes(), "cut short"),
        (whole[..whole.len() - 2].to_vec(), "cut short"),
        (whole[..whole.len() / 2].to_vec(), "cut short"),
        (whole[..lines[0].len()].to_vec(), "cut short"),
        (flipped(&whole, whole.len() / 2), "damaged"),
        (flipped(&whole, lines[0].len() / 2), "damaged"),
        (flipped(&whole, whole.len() - 10), "damaged"),
        ([&whole[..], b"[]\n"].concat(), "cut short"),
        (schema(schema_version() + 1), "a newer version of sealpix"),
        (schema(schema_version() - 1), "the version that made it"),
        (signed(&short_row), "is no row of this registry's tables"),
        (counted, "damaged"),
        (signed(&orphan), "database"),
        (Vec::new(), "is no backup"),
        (b"{\"projects\": []}".to_vec(), "is no backup"),
        (vec![0xff; 1_000], "is no backup"),
    ] {
        let refused = restore(&registry, &File::holding(&bytes).path()).await.unwrap_err().to_string();
        assert!(refused.to_lowercase().contains(message), "{message}: {refused}");
        let mut held = Vec::new();
        assert!(registry.back_up(&mut held, NOW).await.unwrap().is_empty(), "{message}: the target has rows");
    }
    restore(&registry, &File::holding(&whole).path()).await.unwrap();
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_refuses_what_is_no_whole_backup() {
    refuses_what_is_no_whole_backup(&Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_refuses_what_is_no_whole_backup() {
    refuses_what_is_no_whole_backup(&Home::postgres()).await;
}

/// A table or a column that a migration adds must be moved too.
async fn moves_every_table_and_column(home: &Home) {
    drop(home.open().await);
    let mut schema = BTreeMap::<String, Vec<(String, bool)>>::new();
    for (table, column, is_key) in home.schema() {
        schema.entry(table).or_default().push((column, is_key));
    }
    schema.remove("refinery_schema_history").unwrap();
    assert_eq!(schema.len(), TABLES.len());
    for table in TABLES {
        let columns = table.columns.iter().enumerate();
        let columns: Vec<_> = columns.map(|(place, &name)| (name.to_owned(), place < table.key)).collect();
        assert_eq!(schema[table.name], columns, "{}", table.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_and_column_of_sqlite_is_moved() {
    moves_every_table_and_column(&Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_and_column_of_postgres_is_moved() {
    moves_every_table_and_column(&Home::postgres()).await;
}
