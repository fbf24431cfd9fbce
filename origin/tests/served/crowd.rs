//! Many who ask for one picture at once: one piece of work, whoever began it and whoever leaves.
//!
//! The cores are kept busy by other pictures first, so that a crowd is one: work gets its core in the order of asking.

use std::io::Write as _;
use std::net::TcpStream;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::harness::{Answer, Data, Made, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");
const CROWD: usize = 60;

/// An origin whose every core has two pictures to make that take about a second each.
struct Busy {
    data: Data,
    made: Made,
    served: Served,
}

impl Busy {
    fn new() -> Self {
        let data = Data::new(&[
            ("SEALPIX_DELIVERY", "direct"),
            ("SEALPIX_METRICS_LISTEN", "127.0.0.1:0"),
            ("SEALPIX_WORK_TIMEOUT_SECS", "60"),
        ]);
        std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
        // Its header is whole, so that it takes a core to find out.
        std::fs::write(data.gallery().join("half.jpg"), PHOTO.get(..PHOTO.len() / 2).unwrap()).unwrap();
        let made = data.setup(&[]);
        let served = data.serve();
        Self { data, made, served }
    }

    /// Pictures that keep the cores busy: two for each. They are asked for when this returns.
    fn occupy<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        let most = std::thread::available_parallelism().unwrap().get() * 2;
        for number in 0..most {
            let target = self.made.sign(&format!("w_{},f_avif", 800 + number), "@gallery/photo.jpg");
            scope.spawn(move || assert_eq!(self.served.get(&target).status, 200));
        }
        self.until("made", most);
    }

    fn ask<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, target: &str) -> ScopedJoinHandle<'scope, Answer> {
        let target = target.to_owned();
        scope.spawn(move || self.served.get(&target))
    }

    /// How many pictures came so, or were made in a format.
    fn count(&self, line: &str) -> usize {
        let text = String::from_utf8(self.served.operate("/metrics").body).unwrap();
        text.lines().find_map(|held| held.strip_prefix(line)?.trim().parse().ok()).unwrap_or(0)
    }

    fn asked(&self, result: &str) -> usize {
        self.count(&format!("sealpix_derivatives_total{{result=\"{result}\"}}"))
    }

    fn worked(&self, format: &str) -> usize {
        self.count(&format!("sealpix_image_work_seconds_count{{format=\"{format}\"}}"))
    }

    fn until(&self, result: &str, count: usize) {
        self.until_counted(&format!("sealpix_derivatives_total{{result=\"{result}\"}}"), count);
    }

    fn until_counted(&self, line: &str, count: usize) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.count(line) != count {
            assert!(Instant::now() < end, "{line} is {}, not {count}", self.count(line));
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn a_crowd_for_one_picture_is_one_piece_of_work_and_none_of_it_is_shed() {
    let busy = Busy::new();
    let target = busy.made.sign("w_300,f_webp", "@gallery/photo.jpg");
    let crowd: Vec<_> = std::thread::scope(|scope| {
        busy.occupy(scope);
        let head = scope.spawn(|| busy.served.ask("HEAD", &target, &[]));
        let crowd: Vec<_> = (0..CROWD).map(|_| busy.ask(scope, &target)).collect();
        busy.until("joined", CROWD);
        let crowd: Vec<_> = crowd.into_iter().map(|asked| asked.join().unwrap()).collect();
        let head = head.join().unwrap();
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), Some(crowd[0].body.len().to_string().as_str()));
        crowd
    });
    assert_eq!(crowd.iter().map(|answer| answer.status).collect::<Vec<_>>(), vec![200; CROWD]);
    assert!(
        crowd.iter().all(|answer| answer.body == crowd[0].body && answer.header("etag") == crowd[0].header("etag"))
    );
    assert!(crowd[0].body.starts_with(b"RIFF"));
    assert_eq!(busy.worked("webp"), 1);
}

#[test]
fn dos9_the_work_outlives_the_client_that_it_began_with_and_ends_with_the_last_one() {
    let busy = Busy::new();
    let shared = busy.made.sign("w_300,f_webp", "@gallery/photo.jpg");
    let left = busy.made.sign("w_300,f_png", "@gallery/photo.jpg");
    std::thread::scope(|scope| {
        busy.occupy(scope);
        let before = busy.asked("made");
        let [first, alone] = [&shared, &left].map(|target| {
            let mut stream = TcpStream::connect(busy.served.address()).unwrap();
            write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream
        });
        busy.until("made", before + 2);
        let second = busy.ask(scope, &shared);
        busy.until("joined", 1);
        drop((first, alone));
        // This one comes last to a core, and is made when everything before it is.
        let last = busy.ask(scope, &busy.made.sign("w_301,f_webp", "@gallery/photo.jpg"));
        assert_eq!((second.join().unwrap().status, last.join().unwrap().status), (200, 200));
    });
    assert_eq!((busy.worked("webp"), busy.worked("png")), (2, 0));
    assert_eq!(busy.served.get(&left).status, 200, "and what was given up can be asked for again");
}

#[test]
fn a_source_that_fails_fails_for_all_who_wait_with_one_code() {
    let busy = Busy::new();
    let target = busy.made.sign("w_300", "@gallery/half.jpg");
    let codes: Vec<_> = std::thread::scope(|scope| {
        busy.occupy(scope);
        let crowd: Vec<_> = (0..CROWD).map(|_| busy.ask(scope, &target)).collect();
        busy.until("joined", CROWD - 1);
        crowd.into_iter().map(|asked| asked.join().unwrap().code()).collect()
    });
    assert_eq!(codes, vec![Some("source_broken".to_owned()); CROWD]);
}

#[test]
fn sig17_who_is_refused_joins_nothing_and_a_purge_parts_what_came_before_it_from_what_comes_after() {
    let busy = Busy::new();
    let target = busy.made.sign("w_300,f_webp", "@gallery/photo.jpg");
    std::thread::scope(|scope| {
        busy.occupy(scope);
        let most = busy.asked("made");
        let before = busy.ask(scope, &target);
        // And not only begun: its source is fetched.
        busy.until_counted("sealpix_source_fetch_seconds_count{kind=\"named\"}", most + 1);
        let other = [PHOTO, b"x"].concat();
        std::fs::write(busy.data.gallery().join("photo.jpg"), other).unwrap();
        busy.data.stdout(&["purge", "my-app", "--source", "@gallery/photo"]);
        let after = busy.ask(scope, &target);
        busy.until("made", most + 2);
        busy.data.stdout(&["keys", "revoke", &busy.made.public_key]);
        assert_eq!(busy.served.get(&target).code().as_deref(), Some("key_revoked"));
        let (before, after) = (before.join().unwrap(), after.join().unwrap());
        assert_eq!((before.status, after.status), (200, 200), "both were admitted");
        assert_ne!(before.header("etag"), after.header("etag"));
        assert_eq!((busy.asked("made"), busy.asked("joined")), (most + 2, 0));
    });
}
