//! Profiles: what is remembered is there the next time, for several processes, and after a crash.

#![cfg(feature = "profile")]
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout)] // Tests.

mod it;

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use it::{Ask, Directory, FACES, Face, block_on, fetch, manager};
use wayfare::cookies::{Change, Cookie, CookieStore, Stamp};
use wayfare::hsts::Reach;
use wayfare::options::{Cookies, Proxies};
use wayfare::tls::{Exception, Kept, ProblemKind};
use wayfare::{Manager, Profile};
use wayfare_testkit::Server;

fn serve() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn with(profile: Profile) -> Manager {
    Manager::builder().profile(profile).proxies(Proxies::off()).build()
}

fn lasting(name: &str, host: &str) -> Cookie {
    let mut cookie = Cookie::new(name.as_bytes(), b"v", host);
    cookie.expiry = Some(Stamp::from(SystemTime::now()).plus_seconds(86_400));
    cookie
}

fn names(manager: &Manager) -> Vec<String> {
    let all = manager.blocking().cookies().list().unwrap();
    all.iter().map(|cookie| String::from_utf8_lossy(&cookie.name).into_owned()).collect()
}

#[test]
fn what_is_remembered_is_there_the_next_time() {
    for face in FACES {
        let (directory, server) = (Directory::new("profile"), serve());
        let first = with(Profile::new(&directory.0));
        let set = server.url("/echo-set");
        first.blocking().cookies().store(&set, "kept=1; Max-Age=60").unwrap();
        first.blocking().cookies().store(&set, "gone=1").unwrap();
        let hosts = first.blocking().strict_transport_security_hosts();
        hosts.add("strict.test", Duration::from_secs(60), Reach::Subdomains).unwrap();
        let exception = Exception {
            host: "odd.test".into(),
            certificate: [7; 32],
            problems: [ProblemKind::Expired].into(),
        };
        first.options().tls.exceptions().add(exception.clone(), Kept::Always).unwrap();
        drop((hosts, first));

        let again = with(Profile::new(&directory.0));
        let got = fetch(face, &again, Ask::get(server.url("/cookies"))).unwrap();
        assert_eq!(got.body, "kept=1", "{face:?}");
        assert!(
            again.blocking().strict_transport_security_hosts().is_strict("a.strict.test").unwrap()
        );
        assert!(again.options().tls.exceptions().holds(&exception));
        let forgotten = again.blocking().forget("www.Odd.test").unwrap();
        assert_eq!((&*forgotten.site, forgotten.exceptions), ("odd.test", 1));
        assert_eq!(again.blocking().forget("127.0.0.1").unwrap().cookies, 1);
        // Others' sites are not below a suffix for that.
        assert_eq!(again.blocking().forget("test").unwrap().strict_hosts, 0);
        assert!(again.blocking().forget("a b").is_err());
        drop(again);

        let last = with(Profile::new(&directory.0));
        assert!(names(&last).is_empty());
        assert!(!last.options().tls.exceptions().holds(&exception));
        assert!(
            last.blocking().strict_transport_security_hosts().is_strict("strict.test").unwrap()
        );
    }
}

#[cfg(unix)]
#[test]
fn nobody_but_the_user_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new("profile");
    let place = directory.0.join("deep/profile");
    let profile = Profile::new(&place);
    block_on(profile.save(vec![Change::Kept(lasting("a", "a.test"))])).unwrap();
    block_on(profile.flush()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place), 0o700);
    let files: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_private_manager_reads_and_leaves_no_trace() {
    let (directory, server) = (Directory::new("profile"), serve());
    let empty = with(Profile::private(directory.0.join("nothing")));
    assert!(names(&empty).is_empty());
    drop(empty);
    assert!(!directory.0.join("nothing").exists());

    let open = with(Profile::new(&directory.0));
    open.blocking().cookies().store(&server.url("/"), "old=1; Max-Age=60").unwrap();
    drop(open);
    let files = || {
        let name = |name: String| (fs::read(directory.join(&name)).unwrap(), name);
        directory.names().into_iter().map(name).collect::<Vec<_>>()
    };
    let before = files();
    let private = with(Profile::private(&directory.0));
    let got = fetch(Face::Waited, &private, Ask::get(server.url("/cookies"))).unwrap();
    assert_eq!(got.body, "old=1");
    private.blocking().cookies().store(&server.url("/"), "new=1; Max-Age=60").unwrap();
    let got = fetch(Face::Waited, &private, Ask::get(server.url("/cookies"))).unwrap();
    assert_eq!(got.body, "old=1; new=1");
    private.blocking().forget("127.0.0.1").unwrap();
    assert!(names(&private).is_empty());
    drop(private);
    assert_eq!(files(), before);

    // Beside somebody who writes it leaves what is theirs.
    let open = with(Profile::new(&directory.0));
    open.blocking().cookies().store(&server.url("/"), "late=1; Max-Age=60").unwrap();
    open.blocking().save().unwrap();
    let private = with(Profile::private(&directory.0));
    assert_eq!(names(&private), ["late", "old"]);
    drop(private);
    assert!(directory.names().contains(&"profile.sqlite-wal".to_owned()));
    drop(open);
    assert_eq!(names(&with(Profile::new(&directory.0))), ["late", "old"]);
}

#[test]
fn what_one_manager_learns_another_one_of_the_profile_sees_before_long() {
    let (directory, server) = (Directory::new("profile"), serve());
    let (one, two) = (with(Profile::new(&directory.0)), with(Profile::new(&directory.0)));
    let sent = |manager: &Manager| {
        let got = fetch(Face::Waited, manager, Ask::get(server.url("/cookies"))).unwrap();
        String::from_utf8(got.body.to_vec()).unwrap()
    };
    let becomes = |manager: &Manager, expected: &str| {
        let patience = Instant::now() + Duration::from_secs(20);
        while sent(manager) != expected {
            assert!(Instant::now() < patience, "{} is not {expected}", sent(manager));
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    assert_eq!((sent(&one), sent(&two)), (String::new(), String::new()));
    one.blocking().cookies().store(&server.url("/"), "a=1; Max-Age=60").unwrap();
    two.blocking().cookies().store(&server.url("/"), "session=2").unwrap();
    becomes(&two, "a=1; session=2");
    two.blocking().cookies().store(&server.url("/"), "a=3; Max-Age=60").unwrap();
    becomes(&one, "a=3");
    one.blocking().cookies().store(&server.url("/"), "a=; Max-Age=0").unwrap();
    becomes(&two, "session=2");
}

/// A manager, and what it says of its store.
fn listening(profile: Profile) -> (Manager, Arc<Mutex<Vec<String>>>) {
    let said = Arc::<Mutex<Vec<String>>>::default();
    let sink = said.clone();
    let manager = Manager::builder()
        .profile(profile)
        .proxies(Proxies::off())
        .on_event(move |event| {
            if let wayfare::event::What::StoreFailed { message } = &event.what {
                sink.lock().unwrap().push(message.clone());
            }
        })
        .build();
    (manager, said)
}

#[test]
fn where_nothing_can_be_kept_it_is_said_once_and_all_goes_on_in_memory() {
    let directory = Directory::new("profile");
    let file = directory.0.join("file");
    fs::write(&file, "no directory").unwrap();
    let broken = directory.0.join("broken");
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join("profile.sqlite"), "this is no database, but long enough".repeat(99))
        .unwrap();
    let newer = directory.0.join("newer");
    fs::create_dir(&newer).unwrap();
    let database = rusqlite::Connection::open(newer.join("profile.sqlite")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    for (place, why) in [(&file, "file"), (&broken, "not a database"), (&newer, "of version 99")] {
        let server = serve();
        let (manager, said) = listening(Profile::new(place));
        for _ in 0..3 {
            let got = fetch(Face::Waited, &manager, Ask::get(server.url("/cookies-set"))).unwrap();
            assert_eq!(got.status, 200);
        }
        let got = fetch(Face::Waited, &manager, Ask::get(server.url("/cookies"))).unwrap();
        assert_eq!(got.body, "flavor=oat; size=big");
        let said = said.lock().unwrap();
        assert!(said.len() == 1 && said[0].contains(why), "{said:?}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "no directory");
    assert!(fs::read_to_string(broken.join("profile.sqlite")).unwrap().starts_with("this is no"));
}

/// In a view of the file system of its own: one disk that is full, and one that is read only.
#[cfg(target_os = "linux")]
const DISKS: &str = "set -e
mkdir \"$1/full\" \"$1/fixed\"
mount -t tmpfs -o size=96k tmpfs \"$1/full\"
mount -t tmpfs -o ro tmpfs \"$1/fixed\"
exec \"$2\" --exact a_full_disk_and_one_that_is_read_only_are_told_once --nocapture";

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_and_one_that_is_read_only_are_told_once() {
    let Some(place) = std::env::var_os("WAYFARE_DISKS") else {
        let directory = Directory::new("profile");
        let output = Command::new("unshare")
            .args(["-r", "-m", "sh", "-c", DISKS, "sh"])
            .arg(&directory.0)
            .arg(std::env::current_exe().unwrap())
            .env("WAYFARE_DISKS", &directory.0)
            .output();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output {
            Ok(output) if output.status.success() => {}
            Ok(output) if said(&output.stdout).contains("running") => {
                panic!("{}{}", said(&output.stdout), said(&output.stderr));
            }
            _ => {
                assert!(std::env::var_os("CI").is_none(), "no namespaces");
                eprintln!("skipped: no namespaces");
            }
        }
        return;
    };
    let place = Path::new(&place);
    for (disk, why) in [("full", "full"), ("fixed", "Read-only")] {
        let server = serve();
        let (manager, said) = listening(Profile::new(place.join(disk).join("profile")));
        for number in 0..300 {
            let field = format!("c{number}={}; Max-Age=60", "x".repeat(3000));
            let path = server.url(&format!("/p{number}"));
            if let Err(error) = manager.blocking().cookies().store(&path, field) {
                said.lock().unwrap().push(error.to_string());
            }
        }
        for _ in 0..20 {
            fetch(Face::Waited, &manager, Ask::get(server.url("/get"))).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        let said = said.lock().unwrap();
        assert!(said.len() == 1 && said[0].contains(why), "{disk}: {said:?}");
    }
}

/// Writes until it is killed, and prints each number once it is committed.
#[test]
fn writer_of_the_crash_test() {
    let Some(place) = std::env::var_os("WAYFARE_WRITER") else { return };
    let name = std::env::var("WAYFARE_WRITER_NAME").unwrap();
    let begin: u64 = std::env::var("WAYFARE_WRITER_FROM").unwrap().parse().unwrap();
    let profile = Profile::new(place);
    for number in begin.. {
        // Each writer has a few cookies, whose values count up.
        let mut cookie = lasting(&format!("{name}-{}", number % 5), "crash.test");
        cookie.value = number.to_string().into_bytes();
        block_on(profile.save(vec![Change::Kept(cookie)])).unwrap();
        block_on(profile.flush()).unwrap();
        println!("committed {number}");
    }
}

struct Writer {
    child: Child,
    committed: Arc<Mutex<u64>>,
    reader: std::thread::JoinHandle<()>,
}

impl Writer {
    fn start(place: &Path, name: usize, committed: &Arc<Mutex<u64>>) -> Self {
        let from = *committed.lock().unwrap() + 1;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer_of_the_crash_test", "--nocapture"])
            .env("WAYFARE_WRITER", place)
            .env("WAYFARE_WRITER_NAME", name.to_string())
            .env("WAYFARE_WRITER_FROM", from.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (lines, highest) = (BufReader::new(child.stdout.take().unwrap()), committed.clone());
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("committed ") {
                    *highest.lock().unwrap() = number.parse().unwrap();
                }
            }
        });
        Self { child, committed: committed.clone(), reader }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.join().unwrap();
        drop(self.committed);
    }
}

#[test]
fn nothing_that_was_committed_is_lost_however_often_writers_are_killed() {
    if std::env::var_os("WAYFARE_WRITER").is_some() {
        return;
    }
    let kills: u32 =
        std::env::var("WAYFARE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(100);
    let directory = Directory::new("profile");
    let counters: Vec<_> = (0..4).map(|_| Arc::new(Mutex::new(0))).collect();
    let start = |name: usize| Writer::start(&directory.0, name, &counters[name]);
    let mut writers: Vec<_> = (0..4).map(|name| Some(start(name))).collect();
    for kill in 0..kills {
        // Early and late in the writer's life, as it comes.
        std::thread::sleep(Duration::from_millis(u64::from(kill * 7 % 23)));
        let name = kill as usize % 4;
        writers[name].take().unwrap().kill();
        if kill % 10 == 0 {
            check(&directory.0, name, *counters[name].lock().unwrap());
        }
        writers[name] = Some(start(name));
    }
    for (name, writer) in writers.into_iter().enumerate() {
        writer.unwrap().kill();
        check(&directory.0, name, *counters[name].lock().unwrap());
    }
    let total: u64 = counters.iter().map(|counter| *counter.lock().unwrap()).sum();
    eprintln!("{kills} kills, {total} commits");
    assert!(total > 0);
}

/// The database is whole, and what `name` committed last is there, or what it wrote after that.
fn check(place: &Path, name: usize, committed: u64) {
    let database = rusqlite::Connection::open(place.join("profile.sqlite")).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    let state: String =
        database.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(state, "ok");
    let profile = Profile::private(place);
    let all = block_on(profile.load("crash.test")).unwrap();
    let values: HashMap<_, u64> = all
        .iter()
        .map(|cookie| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text(&cookie.name), text(&cookie.value).parse().unwrap())
        })
        .collect();
    for number in (1..=committed).rev().take(5) {
        let kept = values[&format!("{name}-{}", number % 5)];
        assert!(kept >= number && kept % 5 == number % 5, "{kept} instead of {number}");
    }
}

#[test]
fn with_cookies_off_and_no_strict_hosts_a_profile_is_only_a_directory() {
    let (directory, server) = (Directory::new("profile"), serve());
    let manager = Manager::builder()
        .profile(Profile::new(&directory.0))
        .cookies(Cookies::off())
        .proxies(Proxies::off())
        .build();
    fetch(Face::Waited, &manager, Ask::get(server.url("/cookies-set"))).unwrap();
    drop(manager);
    assert!(names(&with(Profile::new(&directory.0))).is_empty());
    assert!(names(&self::manager()).is_empty());
}

#[test]
fn what_cannot_be_written_any_more_is_still_read_and_obeyed() {
    let (directory, server) = (Directory::new("profile"), serve());
    let first = with(Profile::new(&directory.0));
    first.blocking().cookies().store(&server.url("/"), "kept=1; Max-Age=60").unwrap();
    let hosts = first.blocking().strict_transport_security_hosts();
    hosts.add("strict.test", Duration::from_secs(60), Reach::Subdomains).unwrap();
    drop((hosts, first));
    // Another process holds the lock for good: nothing is written, but all is read.
    let database = rusqlite::Connection::open(directory.0.join("profile.sqlite")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (second, _) = listening(Profile::new(&directory.0));
    let got = fetch(Face::Waited, &second, Ask::get(server.url("/cookies"))).unwrap();
    assert_eq!(got.body, "kept=1");
    assert!(
        second.blocking().strict_transport_security_hosts().is_strict("a.strict.test").unwrap()
    );
    second.blocking().cookies().store(&server.url("/"), "late=1; Max-Age=60").unwrap();
    let error = second.blocking().save().unwrap_err();
    assert!(error.to_string().contains("another process is writing"), "{error}");
    database.execute_batch("ROLLBACK").unwrap();
    second.blocking().save().unwrap();
    drop(second);
    assert_eq!(names(&with(Profile::new(&directory.0))), ["kept", "late"]);
}

#[test]
fn a_process_that_was_idle_brings_back_nothing_that_another_one_has_changed() {
    let (directory, server) = (Directory::new("profile"), serve());
    let (one, two) = (with(Profile::new(&directory.0)), with(Profile::new(&directory.0)));
    let set = |manager: &Manager, field: &str| {
        manager.blocking().cookies().store(&server.url("/"), field).unwrap();
        manager.blocking().save().unwrap();
    };
    let sent = |manager: &Manager| {
        let got = fetch(Face::Waited, manager, Ask::get(server.url("/cookies"))).unwrap();
        String::from_utf8(got.body.to_vec()).unwrap()
    };
    set(&one, "sid=old; Max-Age=86400");
    assert_eq!(sent(&two), "sid=old");
    set(&one, "sid=new; Max-Age=86400");
    // The first request after a while looks before it goes.
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(sent(&two), "sid=new");
    set(&one, "sid=; Max-Age=0");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(sent(&two), "");
    two.blocking().save().unwrap();
    assert!(names(&with(Profile::new(&directory.0))).is_empty());
}

#[cfg(unix)]
#[test]
fn links_pipes_and_odd_rows_lead_nobody_astray() {
    let directory = Directory::new("profile");
    let server = serve();
    let victim = directory.0.join("victim");
    fs::write(&victim, "untouched").unwrap();
    let linked = directory.0.join("linked");
    fs::create_dir(&linked).unwrap();
    std::os::unix::fs::symlink(&victim, linked.join("profile.sqlite")).unwrap();
    let piped = directory.0.join("piped");
    fs::create_dir(&piped).unwrap();
    let made = Command::new("mkfifo").arg(piped.join("profile.sqlite")).status().unwrap();
    assert!(made.success());
    for place in [&linked, &piped] {
        let (manager, said) = listening(Profile::new(place));
        fetch(Face::Waited, &manager, Ask::get(server.url("/cookies-set"))).unwrap();
        assert_eq!(said.lock().unwrap().len(), 1, "{}", place.display());
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");

    let odd = directory.0.join("odd");
    let first = with(Profile::new(&odd));
    first.blocking().cookies().store(&server.url("/"), "good=1; Max-Age=60").unwrap();
    drop(first);
    let database = rusqlite::Connection::open(odd.join("profile.sqlite")).unwrap();
    let row = "INSERT INTO cookies VALUES ('1.0.0.127', 'x', 5, x'00', '', 7, 'never', 0, 0, 0, 9)";
    database.execute(row, []).unwrap();
    drop(database);
    let again = with(Profile::new(&odd));
    let got = fetch(Face::Waited, &again, Ask::get(server.url("/cookies"))).unwrap();
    assert_eq!(got.body, "good=1");
}
