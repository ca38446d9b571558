//! Where a profile may lie: in a directory that nobody but the user can put anything in.

#![cfg(all(unix, feature = "profile"))]
#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::sync::{Arc, Mutex};

use it::{Ask, Directory, Face, fetch};
use wayfare::event::What;
use wayfare::options::Proxies;
use wayfare::{Manager, Profile};
use wayfare_testkit::Server;

/// A directory with a profile that has a cookie for a server.
struct Scene {
    directory: Directory,
    server: Server,
}

impl Scene {
    fn new() -> Self {
        let directory = Directory::new("profile");
        let server = Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
        let builder = Manager::builder().profile(Profile::new(&directory.0));
        let manager = builder.proxies(Proxies::off()).build();
        manager.blocking().cookies().store(&server.url("/"), "kept=1; Max-Age=60").unwrap();
        Self { directory, server }
    }

    /// What is sent with the profile opened in one of the ways, and what is said of it.
    fn sent(&self, open: fn(&Path) -> Profile) -> (String, String) {
        let said = Arc::<Mutex<Vec<String>>>::default();
        let sink = said.clone();
        let builder = Manager::builder().profile(open(&self.directory.0)).proxies(Proxies::off());
        let builder = builder.on_event(move |event| {
            if let What::StoreFailed { message } = &event.what {
                sink.lock().unwrap().push(message.clone());
            }
        });
        let manager = builder.build();
        let got = fetch(Face::Waited, &manager, Ask::get(self.server.url("/cookies"))).unwrap();
        let said = said.lock().unwrap().join("; ");
        (got.text().to_owned(), said)
    }

    fn is_refused(&self, words: &str) {
        for open in OPENINGS {
            let (cookies, said) = self.sent(open);
            assert_eq!(cookies, "", "{words}");
            assert!(said.contains(words), "{words}: {said}");
        }
    }

    fn is_used(&self) {
        for open in OPENINGS {
            assert_eq!(self.sent(open), ("kept=1".to_owned(), String::new()));
        }
    }
}

#[test]
fn a_directory_that_others_may_write_is_not_used() {
    let scene = Scene::new();
    let place = &scene.directory.0;
    for mode in [0o720, 0o702, 0o1777] {
        fs::set_permissions(place, Permissions::from_mode(mode)).unwrap();
        scene.is_refused(&format!("chmod go-w {}", place.display()));
    }
    fs::set_permissions(place, Permissions::from_mode(0o755)).unwrap();
    scene.is_used();
    // Only who may do anything can give something away.
    if chown(place, Some(12_345), None).is_ok() {
        scene.is_refused(&format!("{} belongs to another user", place.display()));
    }
}

#[test]
fn what_was_planted_beside_the_database_is_not_obeyed() {
    let scene = Scene::new();
    for end in ["-journal", "-shm", "-wal"] {
        let planted = scene.directory.join(&format!("profile.sqlite{end}"));
        symlink("/dev/null", &planted).unwrap();
        scene.is_refused(&format!("profile.sqlite{end} is not a file"));
        fs::remove_file(&planted).unwrap();
        fs::write(&planted, "").unwrap();
        if chown(&planted, Some(12_345), None).is_ok() {
            scene.is_refused(&format!("profile.sqlite{end} belongs to another user"));
        }
        fs::remove_file(&planted).unwrap();
        scene.is_used();
    }
}

const OPENINGS: [fn(&Path) -> Profile; 2] =
    [|place| Profile::new(place), |place| Profile::private(place)];
