//! Ten times as many requests as the machine can answer, over 32 and 256 connections: what is admitted is answered
//! within its deadline, the rest is told to come again, and the origin itself stays at hand.
//!
//! The load is offered at a pace that was measured first, not as fast as answers come: who is refused comes again, as
//! crowds do. 6 seconds each, or 60 with `SEALPIX_SOAK=1` (`make soak`), which also holds `/healthz` to its 50 ms; a
//! short run beside other tests prints it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Data, Made, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

/// The deadline of image work in this test. An admitted request waits for its core within it.
const DEADLINE: Duration = Duration::from_secs(4);

/// What all image work may hold, of which the bound below is stated.
const WORK_MIB: u64 = 256;

/// The process's own needs: code, connections, sources, what the allocator keeps.
const REST_MIB: u64 = 256;

/// What a request came to.
enum Answered {
    Picture(Duration),
    Shed,
}

struct Load {
    served: Served,
    made: Made,
    next: AtomicU64,
}

impl Load {
    fn new() -> (Data, Self) {
        let data = Data::new(&[
            ("SEALPIX_DELIVERY", "direct"),
            ("SEALPIX_DERIVATIVE_MEMORY_BYTES", "0"),
            ("SEALPIX_DERIVATIVE_DISK_BYTES", "0"),
            ("SEALPIX_WORK_TIMEOUT_SECS", &DEADLINE.as_secs().to_string()),
            ("SEALPIX_WORK_MEMORY_BYTES", &(WORK_MIB << 20).to_string()),
        ]);
        std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
        let made = data.setup(&[]);
        let unlimited = json!({ "minute": 10_000_000, "day": 1_000_000_000 });
        let key = json!({ "public_key": made.public_key, "secret_key": made.secret_key, "limits": unlimited });
        let gallery = json!({ "name": "gallery", "kind": "file", "root": data.gallery() });
        let project = json!({ "slug": "my-app", "grants": ["gallery"], "keys": [key] });
        let state = json!({ "sources": [gallery], "projects": [project] });
        let applied = data.apply(&state);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let served = data.serve();
        (data, Self { served, made, next: AtomicU64::new(0) })
    }

    /// Asks for a picture that nobody has asked for.
    fn ask(&self) -> Answered {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (x, y) = (number % 400, number / 400);
        let target = self.made.sign(&format!("crop_{x}:{y}:500:400,w_320,h_256"), "@gallery/photo.jpg");
        let asked = Instant::now();
        let answer = self.served.get(&target);
        match (answer.status, answer.code()) {
            (200, _) => {
                assert!(answer.body.starts_with(&[0xff, 0xd8]) && answer.body.ends_with(&[0xff, 0xd9]), "a whole JPEG");
                Answered::Picture(asked.elapsed())
            }
            (503, Some(code)) if code == "overloaded" => {
                let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=30).contains(&after));
                Answered::Shed
            }
            (status, code) => panic!("{status} {code:?}"),
        }
    }

    /// Pictures a second, with nobody waiting.
    fn capacity(&self) -> f64 {
        let (began, time) = (Instant::now(), Duration::from_secs(2));
        let clients = std::thread::available_parallelism().unwrap().get();
        let made: usize = std::thread::scope(|scope| {
            let client =
                || (0..).take_while(|_| matches!(self.ask(), Answered::Picture(_)) && began.elapsed() < time).count();
            let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).sum()
        });
        f64::from(u32::try_from(made).unwrap()) / began.elapsed().as_secs_f64()
    }

    /// Offers `rate` requests a second over so many connections for `time`.
    fn offer(&self, connections: u32, rate: f64, time: Duration) -> (Vec<Answered>, Vec<Duration>) {
        let pace = Duration::from_secs_f64(f64::from(connections) / rate);
        let end = Instant::now() + time;
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..connections)
                .map(|client| {
                    scope.spawn(move || {
                        let mut answers = Vec::new();
                        let mut due = Instant::now() + pace * client / connections;
                        while due < end {
                            std::thread::sleep(due.saturating_duration_since(Instant::now()));
                            answers.push(self.ask());
                            // What could not be offered while an answer was waited for is not offered at once.
                            due = (due + pace).max(Instant::now());
                        }
                        answers
                    })
                })
                .collect();
            let mut health = Vec::new();
            while Instant::now() < end {
                let asked = Instant::now();
                assert_eq!(self.served.get("/healthz").status, 200);
                health.push(asked.elapsed());
                std::thread::sleep(Duration::from_millis(50));
            }
            (clients.into_iter().flat_map(|client| client.join().unwrap()).collect(), health)
        })
    }
}

/// The value that `percent` of the times are not above.
fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

#[test]
fn ops2_at_ten_times_the_capacity_what_is_admitted_is_in_time_and_the_rest_is_told_so() {
    let is_soak = std::env::var_os("SEALPIX_SOAK").is_some();
    let time = Duration::from_secs(if is_soak { 60 } else { 6 });
    let (_data, load) = Load::new();
    let capacity = load.capacity();
    for connections in [32, 256] {
        let (answers, mut health) = load.offer(connections, capacity * 10.0, time);
        let shed = answers.iter().filter(|answer| matches!(answer, Answered::Shed)).count();
        let mut times: Vec<_> = answers
            .iter()
            .filter_map(|answer| if let Answered::Picture(time) = answer { Some(*time) } else { None })
            .collect();
        assert!(!times.is_empty(), "nothing is made any more");
        let (median, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
        let offered = f64::from(u32::try_from(answers.len()).unwrap()) / time.as_secs_f64() / capacity;
        let (healthy, slowest) = (percentile(&mut health, 50), percentile(&mut health, 100));
        println!(
            "overload: {connections} connections, capacity {capacity:.0}/s, {offered:.1} times that asked: {} made, {shed} shed, admitted p50 {median:.0?} p99 {p99:.0?}, \
             healthz p50 {healthy:.1?} longest {slowest:.1?}, peak {} MiB",
            times.len(),
            load.served.peak_mib(),
        );
        assert!(p99 < DEADLINE, "{p99:?}");
        assert!(healthy < Duration::from_millis(50), "{healthy:?}");
        // Fewer connections wait for their answers, each with one request at a time, and fill no queue.
        assert!(connections < 256 || (shed > 0 && offered > 4.0), "{shed} shed, {offered} times the capacity");
        assert!(load.served.peak_mib() < WORK_MIB + REST_MIB, "{} MiB", load.served.peak_mib());
        if is_soak {
            assert!(slowest < Duration::from_millis(50), "{slowest:?}");
        }
    }
    assert!(matches!(load.ask(), Answered::Picture(_)), "and then it is as before");
}
