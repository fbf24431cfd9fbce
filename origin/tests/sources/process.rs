//! The programs of `tests/hostile` as processes.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// A hostile program that runs until this is dropped.
pub(crate) struct Hostile {
    pub(crate) port: u16,
    child: Child,
    lines: Option<JoinHandle<Vec<String>>>,
}

impl Hostile {
    /// Starts `tests/hostile/{program}` and waits for the port it prints.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile").join(program);
        let mut command = Command::new("python3");
        command.arg(path).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("these tests need python3");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        let port = port.trim().parse().expect("a port");
        Self { port, child, lines: Some(std::thread::spawn(move || rest(output))) }
    }

    /// Ends the program; all that it printed. It prints before it answers, so nothing that was answered is missing.
    pub(crate) fn end(&mut self) -> Vec<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.lines.take().expect("ended once").join().unwrap()
    }
}

fn rest(output: BufReader<ChildStdout>) -> Vec<String> {
    output.lines().map_while(Result::ok).collect()
}

impl Drop for Hostile {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
