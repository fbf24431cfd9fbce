//! The backup file: newline-delimited JSON, of which each line can be read by itself.
//!
//! The first line names the form, the schema's version and each table's columns; a line a row follows, the table's
//! name and then the columns' values (text, number, null, `{"base64": …}` for bytes); the last line has the number of
//! rows by table and the SHA-256 of every byte before it. Secrets in it are as sealed as in the registry.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealpix::encoding::hex;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::{Counts, TABLES, Table, TransferError};
use crate::registry::database::{Row, Value, schema_version};

/// What the first line says that the file is.
const FORM: &str = "sealpix registry backup v1";

/// The longest line: far above any row, and a file that is no backup ends the reading.
const MAX_LINE_BYTES: u64 = 64 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Head {
    form: String,
    schema: i64,
    made_at: u64,
    tables: BTreeMap<String, Vec<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    rows: BTreeMap<String, u64>,
    sha256: String,
}

/// Our tables, as the first line has them.
fn our_tables() -> BTreeMap<String, Vec<String>> {
    let columns = |table: &Table| table.columns.iter().map(|&column| column.to_owned()).collect();
    TABLES.iter().map(|table| (table.name.to_owned(), columns(table))).collect()
}

/// Writes a backup's lines.
pub(super) struct Writer<'a, W: Write> {
    out: &'a mut W,
    hash: Sha256,
    counts: Counts,
}

impl<'a, W: Write> Writer<'a, W> {
    pub(super) fn begin(out: &'a mut W, schema: i64, made_at: u64) -> std::io::Result<Self> {
        let mut writer = Self { out, hash: Sha256::new(), counts: Counts::new() };
        let head = Head { form: FORM.to_owned(), schema, made_at, tables: our_tables() };
        writer.line(&serde_json::to_string(&head)?)?;
        Ok(writer)
    }

    pub(super) fn row(&mut self, table: &'static Table, row: &Row) -> std::io::Result<()> {
        self.line(&encoded(table, row).to_string())?;
        *self.counts.entry(table.name).or_default() += 1;
        Ok(())
    }

    pub(super) fn end(self) -> std::io::Result<Counts> {
        let rows = self.counts.iter().map(|(&table, &count)| (table.to_owned(), count)).collect();
        let tail = Tail { rows, sha256: hex(&self.hash.finalize()) };
        self.out.write_all(format!("{}\n", serde_json::to_string(&tail)?).as_bytes())?;
        Ok(self.counts)
    }

    fn line(&mut self, text: &str) -> std::io::Result<()> {
        for bytes in [text.as_bytes(), b"\n"] {
            self.hash.update(bytes);
            self.out.write_all(bytes)?;
        }
        Ok(())
    }
}

fn encoded(table: &Table, row: &Row) -> Json {
    let value = |value: &Value| match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!({ "base64": STANDARD.encode(bytes) }),
    };
    std::iter::once(json!(table.name)).chain(row.0.iter().map(value)).collect()
}

fn decoded(line: &[u8]) -> Option<(&'static Table, Row)> {
    let mut fields = serde_json::from_slice::<Vec<Json>>(line).ok()?.into_iter();
    let table = Table::named(fields.next()?.as_str()?)?;
    let value = |field: Json| match field {
        Json::Null => Some(Value::Null),
        Json::Number(number) => number.as_i64().map(Value::Integer),
        Json::String(text) => Some(Value::Text(text)),
        Json::Object(object) => {
            let bytes = object.get("base64").filter(|_| object.len() == 1)?.as_str()?;
            STANDARD.decode(bytes).ok().map(Value::Bytes)
        }
        Json::Bool(_) | Json::Array(_) => None,
    };
    let row: Vec<Value> = fields.map(value).collect::<Option<_>>()?;
    (row.len() == table.columns.len()).then_some((table, Row(row)))
}

/// A backup file that is whole and of this version's schema.
pub struct BackupFile(File);

impl BackupFile {
    /// Reads the whole file: its digest, then its form and schema, then every row.
    pub fn open(path: &Path) -> Result<Self, TransferError> {
        let mut file = Self(File::open(path)?);
        file.prove_digest()?;
        let mut lines = file.lines()?;
        while lines.next_row()?.is_some() {}
        Ok(file)
    }

    fn prove_digest(&mut self) -> Result<(), TransferError> {
        let mut file = BufReader::new(&self.0);
        let (mut hash, mut last) = (Sha256::new(), Vec::new());
        let mut begins_as_ours = false;
        loop {
            let line = next_line(&mut file)?;
            if line.is_empty() {
                break;
            }
            begins_as_ours |= last.is_empty() && line.starts_with(format!("{{\"form\":\"{FORM}\"").as_bytes());
            hash.update(&last);
            last = line;
        }
        match serde_json::from_slice::<Tail>(&last) {
            Ok(tail) if tail.sha256 == hex(&hash.finalize()) => Ok(()),
            Ok(_) => Err(TransferError::Damaged),
            Err(_) if begins_as_ours => Err(TransferError::Cut),
            Err(_) => Err(TransferError::NotABackup),
        }
    }

    /// The rows, from the first on. They are hashed again: the last is followed by an error if the file was changed.
    pub(super) fn lines(&mut self) -> Result<Lines<'_>, TransferError> {
        self.0.rewind()?;
        let mut lines = Lines { file: BufReader::new(&self.0), hash: Sha256::new(), number: 0, counts: Counts::new() };
        let line = lines.line()?.ok_or(TransferError::NotABackup)?;
        let head: Head = serde_json::from_slice(&line).map_err(|_| TransferError::NotABackup)?;
        if head.form != FORM {
            return Err(TransferError::NotABackup);
        }
        if head.schema != schema_version() {
            return Err(TransferError::Schema { made: head.schema, ours: schema_version() });
        }
        if head.tables != our_tables() {
            return Err(TransferError::Line(1));
        }
        lines.hash.update(&line);
        Ok(lines)
    }
}

/// A backup's rows.
pub(super) struct Lines<'a> {
    file: BufReader<&'a File>,
    hash: Sha256,
    number: u64,
    counts: Counts,
}

impl Lines<'_> {
    /// The next row; none after the last, which the file's last line proved to be whole.
    pub(super) fn next_row(&mut self) -> Result<Option<(&'static Table, Row)>, TransferError> {
        let line = self.line()?.ok_or(TransferError::Cut)?;
        if line.first() == Some(&b'{') {
            return self.proved(&line).map(|()| None);
        }
        let (table, row) = decoded(&line).ok_or(TransferError::Line(self.number))?;
        *self.counts.entry(table.name).or_default() += 1;
        self.hash.update(&line);
        Ok(Some((table, row)))
    }

    fn proved(&mut self, line: &[u8]) -> Result<(), TransferError> {
        let tail: Tail = serde_json::from_slice(line).map_err(|_| TransferError::Cut)?;
        let counted = self.counts.iter().map(|(&table, &count)| (table.to_owned(), count));
        if hex(&std::mem::take(&mut self.hash).finalize()) != tail.sha256
            || !counted.eq(tail.rows)
            || self.line()?.is_some()
        {
            return Err(TransferError::Damaged);
        }
        Ok(())
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>, TransferError> {
        let line = next_line(&mut self.file)?;
        self.number += 1;
        Ok(if line.is_empty() { None } else { Some(line) })
    }
}

/// The next line with its end; empty behind the last.
fn next_line(file: &mut BufReader<&File>) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    file.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<String>().prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..100).prop_map(Value::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn every_row_is_read_back_from_its_one_line(table in 0..TABLES.len(), values in prop::collection::vec(values(), 20)) {
            let table = &TABLES[table];
            let row = Row(values.into_iter().take(table.columns.len()).collect());
            let line = encoded(table, &row).to_string();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(decoded(line.as_bytes()), Some((table, row)));
        }
    }

    #[test]
    fn lines_that_hold_no_row_are_none() {
        for line in [
            r#"["grants","a"]"#,
            r#"["grants","a","b","c"]"#,
            r#"["nowhere","a","b"]"#,
            r#"["grants","a",1.5]"#,
            r#"["grants","a",true]"#,
            r#"["grants","a",{"base64":"?"}]"#,
            r#"["grants","a",{"base64":"","x":1}]"#,
            r#"["grants","a",9223372036854775808]"#,
            "[]",
            "junk",
        ] {
            assert_eq!(decoded(line.as_bytes()), None, "{line}");
        }
    }
}
