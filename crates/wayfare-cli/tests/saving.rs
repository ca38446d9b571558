//! Where the command saves: pipes, devices, links and modes, and what a signal leaves behind.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod command;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Child, Command};
use std::time::Duration;

use command::{Scratch, command, finish, run, server};
use wayfare_testkit::Server;
use wayfare_testkit::content::bytes_of;

/// Makes a pipe and reads it to its end on a thread.
fn pipe(path: &str) -> std::thread::JoinHandle<Vec<u8>> {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let path = path.to_owned();
    std::thread::spawn(move || fs::read(path).unwrap())
}

#[test]
fn a_pipe_is_written_to_and_stays_a_pipe() {
    let server = server();
    let scratch = Scratch::new();
    let url = server.url("/bytes/300000");
    let reader = pipe(&scratch.text("300000"));
    let named = ["get", "-o", "300000", &url];
    let ended = finish(command(&named).current_dir(scratch.dir()));
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert_eq!(reader.join().unwrap(), bytes_of(300_000, 1));
    assert_eq!(scratch.names(), ["300000"]);
    // Where a URL has chosen the name, nothing but a file may be behind it.
    for line in [["get", "-d", "."], ["get", "-O", "-s"]] {
        let ended = finish(command(&line).arg(&url).current_dir(scratch.dir()));
        assert_eq!(ended.code, 23, "{line:?}: {}", ended.err);
        assert_eq!(scratch.names(), ["300000"], "{line:?}");
    }
}

/// Needs the right to make devices; without it there is nothing to test.
#[cfg(target_os = "linux")]
#[test]
fn a_device_is_written_to_and_stays_a_device() {
    let server = server();
    let scratch = Scratch::new();
    let device = scratch.text("null");
    let made = Command::new("mknod").args([&device, "c", "1", "3"]).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return;
    }
    let (one, two) = (server.url("/bytes/10"), server.url("/bytes/20"));
    let ended = run(&["get", "-o", &device, "-o", &device, &one, &two]);
    // Where devices are made but not opened, saying so is all that can be done.
    assert!(ended.code == 0 || ended.err.contains("permission denied"), "{}", ended.err);
    assert!(!fs::metadata(&device).unwrap().is_file());
    assert_eq!(scratch.names(), ["null"]);
}

#[test]
fn a_link_is_followed_where_the_user_names_it_and_replaced_where_a_url_does() {
    let server = server();
    let scratch = Scratch::new();
    let dir = scratch.path("in");
    fs::create_dir(&dir).unwrap();
    let (real, link) = (scratch.path("real"), dir.join("20"));
    symlink(&real, &link).unwrap();
    let url = server.url("/bytes/20");
    let file = link.display().to_string();
    let folder = dir.display().to_string();
    fs::write(&real, "before").unwrap();
    assert_eq!(run(&["get", "-o", &file, &url]).code, 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), bytes_of(20, 1));
    fs::write(&real, "before").unwrap();
    assert_eq!(run(&["get", "-d", &folder, &url]).code, 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
    assert_eq!(fs::read(&link).unwrap(), bytes_of(20, 1));
    assert_eq!(fs::read(&real).unwrap(), b"before");
    let ended = finish(command(&["get", "-J", &url]).current_dir(&dir));
    assert_eq!(ended.code, 23, "a suggested name goes over nothing: {}", ended.err);
}

#[test]
fn a_private_file_stays_private_and_a_new_one_is_as_others_are() {
    let server = server();
    let scratch = Scratch::new();
    let url = server.url("/bytes/20");
    let mode = |name: &str| fs::metadata(scratch.path(name)).unwrap().permissions().mode() & 0o777;
    fs::write(scratch.path("20"), "before").unwrap();
    fs::set_permissions(scratch.path("20"), PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(scratch.path("other"), "").unwrap();
    for line in [["get", "-o", "20"], ["get", "-d", "."], ["get", "-O", "-s"]] {
        assert_eq!(finish(command(&line).arg(&url).current_dir(scratch.dir())).code, 0);
        assert_eq!(mode("20"), 0o600, "{line:?}");
    }
    fs::remove_file(scratch.path("20")).unwrap();
    assert_eq!(finish(command(&["get", "-J", &url]).current_dir(scratch.dir())).code, 0);
    assert_eq!(mode("20"), mode("other"));
    assert_eq!(fs::read(scratch.path("20")).unwrap(), bytes_of(20, 1));
}

#[test]
fn the_names_of_standard_output_do_not_replace_where_it_leads() {
    let server = server();
    let scratch = Scratch::new();
    let log = fs::OpenOptions::new().append(true).create(true).open(scratch.path("log")).unwrap();
    fs::write(scratch.path("log"), "before ").unwrap();
    let url = server.url("/get");
    let status = command(&["get", "-o", "/dev/stdout", &url]).stdout(log).status().unwrap();
    assert!(status.success());
    assert_eq!(fs::read_to_string(scratch.path("log")).unwrap(), "before It works.\n");
}

#[test]
fn a_file_that_cannot_be_is_told_before_anything_is_asked() {
    let server = server();
    let scratch = Scratch::new();
    fs::write(scratch.path("f"), "").unwrap();
    let url = server.url("/get");
    let inside = |line: &[&str]| finish(command(line).arg(&url).current_dir(scratch.dir()));
    let told: [(&[&str], i32, &str); 5] = [
        (&["get", "-o", "."], 23, ". is a directory; `--dir .` saves into it"),
        (&["get", "-o", "none/x"], 23, "there is no directory none"),
        (&["get", "-d", "f"], 23, "f is a file, not a directory"),
        (&["get", "-d", "name=Ada"], 2, "`wayfare post -d`"),
        (&["get", "-d", "@f"], 2, "`wayfare post -d`"),
    ];
    for (line, code, words) in told {
        let ended = inside(line);
        assert_eq!(ended.code, code, "{line:?}: {}", ended.err);
        assert!(ended.err.contains(words), "{line:?}: {}", ended.err);
    }
    assert_eq!(scratch.names(), ["f"]);
    assert_eq!(server.request_count(), 0);
    assert_eq!(inside(&["get", "-d", "./a=b"]).code, 0);
}

/// A download that has begun and goes on for long, started by a shell with these words before it.
fn begun(server: &Server, scratch: &Scratch, before: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_wayfare");
    let (file, url) = (scratch.text("f"), server.url("/rate/1000000/1000"));
    let line = format!("{before} exec {program} get -s -o {file} {url}");
    let child = Command::new("sh").args(["-c", &line]).spawn().unwrap();
    let is_begun = || scratch.names().iter().any(|name| name.ends_with(".part"));
    for _ in 0..500 {
        if is_begun() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(is_begun(), "the download has begun");
    child
}

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}

#[test]
fn a_download_that_is_told_to_end_leaves_nothing_behind() {
    let server = server();
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let scratch = Scratch::new();
        let mut child = begun(&server, &scratch, "");
        send(signal, &child);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert_eq!(scratch.names(), [""; 0], "{signal}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_to_be_ignored_is_ignored() {
    let server = server();
    let scratch = Scratch::new();
    let mut child = begun(&server, &scratch, "trap '' HUP;");
    send("-HUP", &child);
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    send("-TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(scratch.names(), [""; 0]);
}

#[test]
fn a_pipe_that_nobody_reads_does_not_keep_the_command_from_ending() {
    let server = server();
    let scratch = Scratch::new();
    let path = scratch.text("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut child = command(&["get", "-o", &path, &server.url("/get")]).spawn().unwrap();
    for _ in 0..200 {
        if server.request_count() > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(100));
    send("-TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(scratch.names(), ["pipe"]);
}
