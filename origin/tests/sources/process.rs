//! The programs of `tests/hostile` as processes.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

/// A hostile program that runs until this is dropped.
pub struct Hostile {
    pub port: u16,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    /// Starts `tests/hostile/{program}` and waits for the port it prints.
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile").join(program);
        let mut command = Command::new("python3");
        command.arg(path).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("these tests need python3");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        let lines = Arc::default();
        let server = Self { port: port.trim().parse().expect("a port"), child, lines: Arc::clone(&lines) };
        std::thread::spawn(move || collect(output, &lines));
        server
    }

    /// What the program printed so far: it prints before it answers.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

fn collect(output: BufReader<ChildStdout>, lines: &Mutex<Vec<String>>) {
    for line in output.lines().map_while(Result::ok) {
        lines.lock().unwrap().push(line);
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
