//! PATH-2: names of a file source, and what lies about in its folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealpix_origin::sources::file::FileSource;
use sealpix_origin::sources::{FetchLimits, Source, SourceError};
use tempfile::TempDir;

const LIMITS: FetchLimits = FetchLimits { max_bytes: 100, deadline: Duration::from_secs(10) };

/// A folder `root` with a picture in it, beside a folder `root-secrets` with a secret in it.
struct Folder {
    folder: TempDir,
    root: PathBuf,
    source: FileSource,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("cats")).unwrap();
        fs::create_dir(folder.path().join("root-secrets")).unwrap();
        fs::write(root.join("cats/tom.jpg"), "a cat").unwrap();
        fs::write(folder.path().join("root-secrets/secret"), "a secret").unwrap();
        let source = FileSource::open(&root).unwrap();
        Self { folder, root, source }
    }

    async fn read(&self, name: &str) -> Result<String, SourceError> {
        let fetched = self.source.fetch(name, &LIMITS).await?;
        Ok(String::from_utf8(fetched.bytes.to_vec()).unwrap())
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[tokio::test]
async fn a_name_is_taken_byte_for_byte() {
    let folder = Folder::new();
    assert_eq!(folder.read("cats/tom.jpg").await.unwrap(), "a cat");
    let names = [
        "%2e%2e", "a%2Fb", "a b ", "..a", "a..", "...", "a;b", "a\\b", "~", "-rf", "$HOME", "a\n", "kåt", "a?b#c", " ",
    ];
    for name in names {
        assert_eq!(folder.read(name).await, Err(SourceError::NotFound), "{name:?}");
        fs::write(folder.root.join(name), name).unwrap();
        assert_eq!(folder.read(name).await.unwrap(), name);
    }
}

#[tokio::test]
async fn path_1_and_2_names_that_lead_elsewhere_are_refused() {
    let folder = Folder::new();
    let table = [
        "..",
        "../root-secrets/secret",
        "cats/../../root-secrets/secret",
        "cats/../cats/tom.jpg",
        "./cats/tom.jpg",
        "cats/./tom.jpg",
        ".",
        "/etc/passwd",
        "//etc/passwd",
        "cats//tom.jpg",
        "cats/",
        "/",
        "",
        "cats/tom.jpg/",
        "cats/tom.jpg\0",
        "\0",
        "cats/tom.jpg\0.png",
    ];
    for name in table {
        assert_eq!(folder.read(name).await, Err(SourceError::Malformed), "{name:?}");
    }
    let absolute = folder.beside("root-secrets/secret");
    assert_eq!(folder.read(absolute.to_str().unwrap()).await, Err(SourceError::Malformed));
    for name in
        ["%2e%2e/root-secrets/secret", "..%2froot-secrets%2fsecret", "..\\root-secrets\\secret", "-secrets/secret"]
    {
        assert_eq!(folder.read(name).await, Err(SourceError::NotFound), "{name:?}");
    }
}

#[tokio::test]
async fn path_2_links_that_lead_out_are_as_if_they_were_not_there() {
    let folder = Folder::new();
    let links: [(&str, &Path); 7] = [
        ("passwd", Path::new("/etc/passwd")),
        ("etc", Path::new("/etc")),
        ("sibling", Path::new("../root-secrets")),
        ("secret", Path::new("../root-secrets/secret")),
        ("cats/up", Path::new("../..")),
        ("absolute", &folder.root),
        ("circle", Path::new("circle")),
    ];
    for (link, target) in links {
        symlink(target, folder.root.join(link)).unwrap();
    }
    let table = [
        "passwd",
        "etc/passwd",
        "sibling/secret",
        "secret",
        "cats/up/root-secrets/secret",
        "cats/up/root/cats/tom.jpg",
        "absolute/cats/tom.jpg",
        "circle",
    ];
    for name in table {
        assert_eq!(folder.read(name).await, Err(SourceError::NotFound), "{name}");
    }
    symlink("tom.jpg", folder.root.join("cats/thomas.jpg")).unwrap();
    assert_eq!(folder.read("cats/thomas.jpg").await.unwrap(), "a cat", "a link may lead to another place inside");
}

#[tokio::test]
async fn path_2_a_root_that_is_replaced_stays_what_it_was() {
    let folder = Folder::new();
    fs::rename(&folder.root, folder.beside("moved")).unwrap();
    symlink(folder.beside("root-secrets"), &folder.root).unwrap();
    assert_eq!(folder.read("secret").await, Err(SourceError::NotFound));
    assert_eq!(folder.read("cats/tom.jpg").await.unwrap(), "a cat");
}

#[tokio::test]
async fn only_regular_files_are_read_and_opening_never_waits() {
    let folder = Folder::new();
    let pipe = std::process::Command::new("mkfifo").arg(folder.root.join("pipe")).status().unwrap();
    assert!(pipe.success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.root.join("socket")).unwrap();
    for name in ["pipe", "socket", "cats", "cats/tom.jpg/inside", "none"] {
        assert_eq!(folder.read(name).await, Err(SourceError::NotFound), "{name}");
    }
    let devices = FileSource::open(Path::new("/dev")).unwrap();
    for name in ["null", "zero", "tty"] {
        assert!(devices.fetch(name, &LIMITS).await.is_err(), "{name}");
    }
    assert_eq!(folder.read(&"a".repeat(300)).await, Err(SourceError::NotFound));
}

#[tokio::test]
async fn the_byte_limit_holds() {
    let folder = Folder::new();
    for (length, expected) in [(100, Ok(100)), (101, Err(SourceError::TooLarge { limit_bytes: 100 }))] {
        fs::write(folder.root.join("large"), "x".repeat(length)).unwrap();
        assert_eq!(folder.read("large").await.map(|text| text.len()), expected);
    }
    // A file of the kernel's says that it is empty and is not: it is no picture either way.
    let kernel = FileSource::open(Path::new("/proc")).unwrap();
    assert_eq!(kernel.fetch("cpuinfo", &LIMITS).await, Err(SourceError::Incomplete));
}

/// The superuser may read a file without permission, so the kernel's own unreadable file stands for it: reading the
/// first page of one's memory fails for everybody. The permission itself is tested on the whole process, run as nobody.
#[tokio::test]
async fn a_file_that_cannot_be_read_is_unreadable() {
    let kernel = FileSource::open(Path::new("/proc/self")).unwrap();
    assert_eq!(kernel.fetch("mem", &LIMITS).await, Err(SourceError::Unreadable));
}

#[test]
fn a_root_must_be_a_folder() {
    let folder = Folder::new();
    assert!(FileSource::open(&folder.beside("none")).is_err());
    assert!(FileSource::open(&folder.root.join("cats/tom.jpg")).is_err());
}
