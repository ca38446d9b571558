//! The command at a terminal: what it does to it, and what servers cannot.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod command;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use command::server;
use rustix::process::{Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr, tcgetpgrp};
use wayfare_testkit::FaultServer;
use wayfare_testkit::script::{Script, Step};

/// A terminal with the command in it.
struct Terminal {
    near: File,
    said: Receiver<Vec<u8>>,
    process: Child,
    screen: Vec<u8>,
}

impl Terminal {
    fn run(arguments: &[&str]) -> Self {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&near).unwrap();
        unlockpt(&near).unwrap();
        let name = ptsname(&near, Vec::new()).unwrap().into_string().unwrap();
        let far = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_wayfare")]).args(arguments);
        command.stdin(far()).stdout(far()).stderr(far());
        let (near, process) = (File::from(near), command.spawn().unwrap());
        let (tell, said) = channel();
        let mut reader = near.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading ends with an error once nobody has the far side open.
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                if tell.send(bytes[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { near, said, process, screen: Vec::new() }
    }

    /// Waits for the prompt, and for the terminal to be ready for what nobody may see.
    fn asks(&mut self) {
        self.shows("Password for user");
        let began = Instant::now();
        while self.echoes() {
            assert!(began.elapsed() < Duration::from_secs(20), "what is typed is shown");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until this stands on the screen.
    fn shows(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.screen).contains(text) {
            let more = self.said.recv_timeout(Duration::from_secs(20));
            self.screen.extend(more.unwrap_or_else(|_| panic!("{text}: {}", self.text())));
        }
    }

    fn types(&mut self, text: &str) {
        self.near.write_all(text.as_bytes()).unwrap();
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.near).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.screen).into_owned()
    }

    /// Waits for the end; gives the exit code and all that was shown.
    fn ended(&mut self) -> (i32, String) {
        let code = self.process.wait().unwrap().code().unwrap_or(-1);
        while let Ok(more) = self.said.recv_timeout(Duration::from_secs(2)) {
            self.screen.extend(more);
        }
        (code, self.text())
    }
}

#[test]
fn a_password_is_typed_unseen_and_the_terminal_is_then_as_it_was() {
    let server = server();
    let mut terminal = Terminal::run(&["get", "-u", "user", &server.url("/auth-digest")]);
    assert!(terminal.echoes());
    terminal.asks();
    terminal.types("passwd\n");
    terminal.shows("You are in.");
    assert!(terminal.echoes());
    let (code, text) = terminal.ended();
    assert!(code == 0 && !text.contains("passwd"), "{code} {text}");
}

#[test]
fn whoever_does_not_want_to_say_a_password_gets_the_terminal_back() {
    let server = server();
    let mut terminal = Terminal::run(&["get", "-u", "user", &server.url("/auth-digest")]);
    terminal.asks();
    terminal.types("\u{3}");
    let (code, text) = terminal.ended();
    assert_eq!(code, 130, "{text}");
    assert!(terminal.echoes(), "{text}");
    assert_eq!(server.request_count(), 0);
}

#[test]
fn a_signal_at_the_prompt_ends_the_command_and_leaves_the_terminal_as_it_was() {
    let server = server();
    for (signal, expected) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut terminal = Terminal::run(&["get", "-u", "user", &server.url("/auth-digest")]);
        terminal.asks();
        // The command leads the only group at this terminal.
        kill_process(tcgetpgrp(&terminal.near).unwrap(), signal).unwrap();
        let (code, text) = terminal.ended();
        assert_eq!(code, expected, "{text}");
        assert!(terminal.echoes(), "{signal:?} {text}");
        assert!(text.contains("nobody said the password"), "{text}");
    }
    assert_eq!(server.request_count(), 0);
}

#[test]
fn what_a_server_says_cannot_steer_the_terminal_and_a_program_gets_it_as_it_is() {
    let head =
        b"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\nX-A: \xc2\x9b31m\r\nX-B: \xe2\x80\xaea\r\n\r\n";
    let steps = vec![Step::head(), Step::send(&head[..])];
    let server = FaultServer::script(Script::always(steps)).bind_on_thread("127.0.0.1:0").unwrap();
    let url = server.url("/");
    for options in [&["-i"][..], &["-v"], &["-i", "-v"]] {
        let line = [&["get"], options, &[&url]].concat();
        let (code, text) = Terminal::run(&line).ended();
        assert_eq!(code, 0, "{text}");
        assert!(text.to_lowercase().contains("x-b: \\u{202e}a"), "{text:?}");
        for steering in ['\u{1b}', '\u{9b}', '\u{202e}'] {
            assert!(!text.contains(steering), "{options:?} {text:?}");
        }
    }
    let piped = command::run(&["get", "-i", &url]);
    assert!(piped.out.windows(2).any(|two| two == b"\xc2\x9b"), "{:?}", piped.out);
}
