//! Finished pictures that the origin keeps on disk: after a restart, a `kill -9`, damage, and without a disk.
//!
//! CACHE-14: clients ask for pictures as fast as they are answered while the server writes them to disk; it is killed at a
//! random moment and started again. 10 rounds, or 50 with `SEALPIX_SOAK=1` (`make soak`). Each answer is compared with what
//! a server without a disk made.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Answer, Data, Made, Served};

/// The least room: the pictures of the test are more.
const ROOM: &str = "16777216";

/// Pictures, of some 50 to 90 KB.
const PICTURES: usize = 320;

/// Clients that ask at once.
const CLIENTS: usize = 4;

/// The kill falls anywhere into this time.
const SPAN_MICROS: u64 = 1_500_000;

/// With a small picture of noise, and nothing kept in memory: what is answered again comes from disk.
fn data(environment: &[(&str, &str)]) -> (Data, Made) {
    let common = [
        ("SEALPIX_DELIVERY", "direct"),
        ("SEALPIX_METRICS_LISTEN", "127.0.0.1:0"),
        ("SEALPIX_DERIVATIVE_MEMORY_BYTES", "0"),
        ("SEALPIX_DERIVATIVE_TTL_SECS", "86400"),
        ("SEALPIX_MIN_FREE_DISK_MIB", "0"),
    ];
    let data = Data::new(&[&common, environment].concat());
    let mut state = 1u64;
    let noise = (0..160 * 160 * 3).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    let noise = image::RgbImage::from_raw(160, 160, noise.collect()).unwrap();
    noise.save(data.gallery().join("noise.png")).unwrap();
    let made = data.setup(&[]);
    let limits = json!({ "minute": 1_000_000, "day": 1_000_000 });
    let key = json!({ "public_key": made.public_key, "secret_key": made.secret_key, "limits": limits });
    let state = json!({ "projects": [{ "slug": "my-app", "grants": ["gallery"], "keys": [key] }] });
    let applied = data.apply(&state);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    (data, made)
}

fn folder(data: &Data) -> PathBuf {
    data.path().join("derivatives")
}

/// What the folder takes on disk, as `du` counts.
fn taken(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().blocks() * 512).sum()
}

fn count(served: &Served, line: &str) -> usize {
    let text = String::from_utf8(served.operate("/metrics").body).unwrap();
    text.lines().find_map(|held| held.strip_prefix(line)?.trim().parse().ok()).unwrap_or(0)
}

fn asked(served: &Served, result: &str) -> usize {
    count(served, &format!("sealpix_derivatives_total{{result=\"{result}\"}}"))
}

/// The targets, and the picture of each: as one server has made them with nothing kept.
fn expected(data: &Data, made: &Made) -> Arc<Vec<(String, Vec<u8>)>> {
    let mut command = data.command(&["serve", "--listen", "127.0.0.1:0"]);
    let served = Served::start({
        command.env("SEALPIX_DERIVATIVE_DISK_BYTES", "0");
        command
    });
    let pictures = (0..PICTURES).map(|number| {
        let operations = format!("w_{},bri_{},f_png", 130 + number % 31, number / 31);
        let target = made.sign(&operations, "@gallery/noise.png");
        let answer = served.get(&target);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        (target, answer.body)
    });
    let pictures: Vec<_> = pictures.collect();
    assert_eq!((asked(&served, "made"), asked(&served, "disk")), (PICTURES, 0));
    assert!(!folder(data).exists(), "0 bytes: no folder");
    Arc::new(pictures)
}

#[test]
fn cache14_a_killed_server_never_serves_a_part_and_keeps_to_its_room() {
    let rounds = if std::env::var_os("SEALPIX_SOAK").is_some() { 50 } else { 10 };
    let (data, made) = data(&[("SEALPIX_DERIVATIVE_DISK_BYTES", ROOM)]);
    let pictures = expected(&data, &made);
    let bytes: usize = pictures.iter().map(|(_, body)| body.len()).sum();
    let room: u64 = ROOM.parse().unwrap();
    assert!(bytes > ROOM.parse().unwrap(), "{bytes} bytes are no more than there is room for");
    let random = RandomState::new();
    let (mut answered, mut from_disk) = (0, 0);
    for round in 0..rounds {
        let served = data.serve();
        // What a killed run has left, whole or not at all.
        for (target, body) in pictures.iter().step_by(8) {
            assert!(served.get(target).body == *body, "round {round}: another picture than was made");
        }
        from_disk += asked(&served, "disk");
        let patience = Duration::from_micros(random.hash_one(round) % SPAN_MICROS);
        answered += kill_while_asking(served, &pictures, patience, &random);
        assert!(taken(&folder(&data)) <= room, "round {round}: {} bytes", taken(&folder(&data)));
    }
    let served = data.serve();
    for (target, body) in pictures.iter() {
        assert!(served.get(target).body == *body, "another picture than was made");
    }
    assert_eq!(served.terminate(), Some(0));
    assert!((room / 2..=room).contains(&taken(&folder(&data))), "{} bytes", taken(&folder(&data)));
    println!(
        "kill -9: disk cache {rounds} rounds, {answered} answers compared and {from_disk} first ones from disk, 0 wrong; \
         {} of {ROOM} bytes",
        taken(&folder(&data))
    );
    assert!(answered > rounds * CLIENTS && from_disk > 0);
}

/// Asks for pictures in any order until the server is gone; how many came.
fn kill_while_asking(
    served: Served,
    pictures: &Arc<Vec<(String, Vec<u8>)>>,
    patience: Duration,
    random: &RandomState,
) -> usize {
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (address, pictures, answered) =
                (served.address().to_owned(), Arc::clone(pictures), Arc::clone(&answered));
            let random = random.clone();
            std::thread::spawn(move || {
                for number in 0usize.. {
                    let place = random.hash_one((client, number)) % u64::try_from(pictures.len()).unwrap();
                    let (target, body) = &pictures[usize::try_from(place).unwrap()];
                    let Some(answer) = try_get(&address, target) else { return };
                    assert_eq!(answer.status, 200, "{:?}", answer.code());
                    assert!(answer.body == *body, "another picture than was made");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    while answered.load(Ordering::SeqCst) <= CLIENTS {
        std::thread::yield_now();
    }
    std::thread::sleep(patience);
    drop(served);
    clients.into_iter().for_each(|client| client.join().unwrap());
    answered.load(Ordering::SeqCst)
}

/// The answer, unless the server went before its end.
fn try_get(address: &str, target: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: origin.test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let answer = bytes.windows(4).any(|window| window == b"\r\n\r\n").then(|| Answer::parse(&bytes))?;
    let length = answer.header("content-length")?.parse::<usize>().unwrap();
    (answer.body.len() == length).then_some(answer)
}

#[test]
fn cache14_a_room_made_smaller_is_kept_to() {
    let (data, made) = data(&[]);
    let pictures = expected(&data, &made);
    let room: u64 = ROOM.parse().unwrap();
    for (bytes, is_over) in [("67108864", true), (ROOM, false)] {
        let mut command = data.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("SEALPIX_DERIVATIVE_DISK_BYTES", bytes);
        let served = Served::start(command);
        for (target, body) in pictures.iter() {
            assert!(served.get(target).body == *body, "another picture than was made");
        }
        assert!(asked(&served, "made") > 0 && (is_over || asked(&served, "disk") > 0), "what is left is found");
        assert_eq!(served.terminate(), Some(0));
        let taken = taken(&folder(&data));
        assert_eq!(taken > room, is_over, "{taken} of {bytes} bytes");
    }
}

#[test]
fn a_restart_finds_what_was_kept_without_a_fetch_and_a_purge_does_not() {
    let (data, made) = data(&[]);
    let target = made.sign("w_60,f_png", "@gallery/noise.png");
    let served = data.serve();
    let first = served.get(&target);
    assert_eq!((first.status, asked(&served, "made")), (200, 1));
    assert_eq!(served.terminate(), Some(0));
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder(&data)), 0o700);

    let served = data.serve();
    let fetches = || count(&served, "sealpix_source_fetch_seconds_count{kind=\"named\"}");
    let second = served.get(&target);
    assert_eq!((&second.body, second.header("etag")), (&first.body, first.header("etag")));
    let held = served.ask("HEAD", &target, &[("If-None-Match", first.header("etag").unwrap())]);
    assert_eq!((held.status, asked(&served, "disk"), asked(&served, "made"), fetches()), (304, 2, 0, 0));
    assert!(count(&served, "sealpix_derivative_disk_bytes ") > first.body.len());
    data.stdout(&["purge", "my-app", "--source", "@gallery/noise.png"]);
    assert_eq!(served.get(&target).body, first.body);
    assert_eq!((asked(&served, "disk"), asked(&served, "made"), fetches()), (2, 1, 1));
}

#[test]
fn cache14_damaged_files_are_misses() {
    let (data, made) = data(&[("SEALPIX_DERIVATIVE_DISK_BYTES", ROOM)]);
    let pictures = expected(&data, &made);
    let served = data.serve();
    for (target, _) in pictures.iter().take(60) {
        served.get(target);
    }
    assert_eq!(served.terminate(), Some(0));
    for (number, file) in std::fs::read_dir(folder(&data)).unwrap().enumerate() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        // Flipped here and there, and cut off.
        bytes.iter_mut().skip(5_000 + number).step_by(90_001).for_each(|byte| *byte ^= 0x10);
        bytes.truncate(bytes.len().saturating_sub(number * 1_000));
        std::fs::write(&path, bytes).unwrap();
    }
    let served = data.serve();
    for (target, body) in pictures.iter().take(60) {
        assert!(served.get(target).body == *body, "another picture than was made");
    }
    let (found, missed) = (asked(&served, "disk"), asked(&served, "made"));
    println!("damaged files: {found} found, {missed} made again, 0 wrong");
    assert!(missed > 0 && found + missed == 60);
}

#[test]
fn an_unchanged_source_costs_no_work_when_the_time_is_over() {
    let (data, made) = data(&[("SEALPIX_DERIVATIVE_TTL_SECS", "1"), ("SEALPIX_DERIVATIVE_MEMORY_BYTES", "1000000")]);
    let target = made.sign("w_60,f_png", "@gallery/noise.png");
    let served = data.serve();
    let first = served.get(&target);
    let begun = Instant::now();
    while asked(&served, "renewed") < 2 {
        assert!(begun.elapsed() < Duration::from_secs(30), "its source is never asked");
        assert_eq!(served.get(&target).body, first.body);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(count(&served, "sealpix_image_work_seconds_count{format=\"png\"}"), 1);
    std::fs::remove_file(data.gallery().join("noise.png")).unwrap();
    while served.get(&target).status != 404 {
        assert!(begun.elapsed() < Duration::from_secs(60), "a source that is gone is never missed");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn without_a_folder_everything_works_and_the_metrics_say_so() {
    let (mut data, made) = data(&[("SEALPIX_DERIVATIVE_DIR", "/proc")]);
    data.give_up_root();
    let served = data.serve();
    let target = made.sign("w_60,f_png", "@gallery/noise.png");
    assert_eq!((served.get(&target).status, served.get(&target).status), (200, 200));
    assert_eq!((asked(&served, "made"), count(&served, "sealpix_derivative_disk_errors_total ")), (2, 1));
    assert!(served.log().contains("finished pictures are not kept on disk"));
}

#[test]
fn the_folder_of_pictures_is_no_source_nor_lies_it_in_one() {
    let roots = tempfile::tempdir().unwrap();
    let root = roots.path().canonicalize().unwrap();
    let root = root.to_str().unwrap();
    let (data, _made) = data(&[("SEALPIX_FILE_ROOTS", root), ("SEALPIX_DERIVATIVE_DIR", root)]);
    let _served = data.serve();
    assert!(roots.path().join("derivatives").exists());
    std::fs::create_dir(roots.path().join("beside")).unwrap();
    for (folder, is_taken) in [("", false), ("/derivatives", false), ("/beside", true)] {
        let applied =
            data.apply(&json!({"sources": [{"name": "x", "kind": "file", "root": format!("{root}{folder}")}]}));
        assert_eq!(applied.status.success(), is_taken, "{folder}");
    }
    let gallery = data.gallery();
    let output = Data::new(&[
        ("SEALPIX_DATA_DIR", data.path().to_str().unwrap()),
        ("SEALPIX_DERIVATIVE_DIR", gallery.to_str().unwrap()),
    ])
    .run(&["config", "show"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("SEALPIX_DERIVATIVE_DIR"));
}
