//! Negotiate in a Kerberos realm: the system's library, a key distribution center, Apache and squid.
//!
//! Where the tickets are is read from the environment, which a program cannot change safely for
//! itself: so what is tested runs in processes of its own, the command or this very program.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)] // It reports itself.

mod command;
#[path = "../../wayfare/tests/daemon/mod.rs"]
mod daemon;
#[path = "../../wayfare/tests/it/mod.rs"]
mod it;
mod realm;

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use command::{Driver, Ended, Scratch, command, finish};
use it::{Ask, FACES, fetch, identity};
use realm::{Acceptor, Apache, Environment, Realm, Squid};
use serde_json::{Value, json};
use wayfare::Manager;
use wayfare::event::What;
use wayfare::options::{Ambient, Auth, Proxies, Tls};
use wayfare_testkit::{Protocols, Server};

/// A test and its name.
type Test = (&'static str, fn(&Site));

/// Everything that is tested.
const TESTS: [Test; 8] = [
    ("apache_lets_in_whoever_is_logged_in_through_every_face", through_every_face),
    ("apache_lets_in_whoever_the_command_says_to_be", by_the_command),
    ("whoever_has_no_ticket_is_told_why_and_not_let_in", without_a_ticket),
    ("a_ticket_of_somebody_else_is_refused_and_said_once", of_somebody_else),
    ("a_ticket_is_for_the_host_of_the_url_whatever_dns_calls_it", for_its_name),
    ("a_ticket_is_bound_to_the_server_s_certificate_and_is_not_passed_on", bound),
    ("squid_lets_those_pass_who_are_logged_in", through_squid),
    ("one_origin_behind_squid_and_squid_itself_each_have_their_proof", through_squid_to_apache),
];

fn main() -> ExitCode {
    if let Ok(asked) = std::env::var(ASKED) {
        ask(&asked);
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|argument| argument == "--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", TESTS.len());
    let site = Site::start();
    for (name, test) in TESTS {
        // One that fails ends the process, as its panic says.
        match &site {
            Some(site) => test(site),
            None => {
                println!("test {name} ... ignored");
                continue;
            }
        }
        println!("test {name} ... ok");
    }
    let [passed, ignored] = if site.is_some() { [TESTS.len(), 0] } else { [0, TESTS.len()] };
    println!("\ntest result: ok. {passed} passed; 0 failed; {ignored} ignored");
    ExitCode::SUCCESS
}

/// A realm, its servers, and the file with the authority to trust.
struct Site {
    realm: Realm,
    apache: Apache,
    squid: Squid,
    _scratch: Scratch,
    authority: String,
}

impl Site {
    fn start() -> Option<Self> {
        let realm = Realm::start()?;
        let (apache, squid) = (Apache::start(&realm)?, Squid::start(&realm)?);
        let scratch = Scratch::new();
        let authority = scratch.text("authority.pem");
        identity().0.write_pem(&authority).unwrap();
        Some(Self { realm, apache, squid, _scratch: scratch, authority })
    }

    /// Has a process of its own ask for a URL so many times by a face and a way; gives what it says of
    /// it.
    fn ask(&self, environment: &Environment, asked: &str) -> String {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.env(ASKED, asked).env(AUTHORITY, &self.authority).envs(environment.clone());
        let output = process.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let erred = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{asked}: {said}{erred}");
        said.trim().to_owned()
    }

    /// Runs the command.
    fn get(&self, environment: &Environment, arguments: &[&str]) -> Ended {
        let line = [&["get", "-v", "--cacert", &self.authority], arguments].concat();
        finish(command(&line).envs(environment.clone()))
    }
}

/// What a process of its own is asked to do: a face, a way, how often, and a URL.
const ASKED: &str = "WAYFARE_TEST_ASKED";
/// The places of the tests' servers.
const EVERYWHERE: &str = "http://localhost:*,https://localhost:*";
/// The file with the authority that it trusts.
const AUTHORITY: &str = "WAYFARE_TEST_AUTHORITY";

/// Does it, and says what came of it.
fn ask(asked: &str) {
    let mut words = asked.split(' ');
    let mut word = || words.next().unwrap();
    let (face, way, times, url) = (word(), word(), word().parse::<u32>().unwrap(), word());
    let face = FACES.into_iter().find(|known| format!("{known:?}") == face).unwrap();
    let count = Arc::<AtomicUsize>::default();
    let counted = count.clone();
    let proxies = if way == "direct" { Proxies::off() } else { Proxies::through(way).unwrap() };
    let auth = Auth { ambient: Ambient::only(EVERYWHERE.split(',')).unwrap(), ..Auth::default() };
    let tls = Tls::default().with_only_authority_file(std::env::var(AUTHORITY).unwrap()).unwrap();
    let builder = Manager::builder().tls(tls).proxies(proxies).auth(auth);
    let builder = builder.on_event(move |event| {
        if matches!(event.what, What::Sending { .. }) {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let manager = builder.build();
    for _ in 0..times {
        let got = fetch(face, &manager, Ask::get(url)).unwrap();
        assert_eq!((got.status, got.text()), (200, "You are in.\n"), "{asked}");
        assert_eq!(got.version, http::Version::HTTP_11, "{asked}");
    }
    println!("{} requests", count.load(Ordering::SeqCst));
}

fn through_every_face(site: &Site) {
    let ada = site.realm.logged_in("ada", "1h");
    for face in FACES {
        for base in &site.apache.bases {
            // Asked, and let in; then nothing but requests.
            let asked = format!("{face:?} direct 4 {base}/once/in.txt");
            assert_eq!(site.ask(&ada, &asked), "5 requests", "{asked}");
            // Asked again with the second request; then each has its ticket.
            let asked = format!("{face:?} direct 4 {base}/each/in.txt");
            assert_eq!(site.ask(&ada, &asked), "6 requests", "{asked}");
        }
    }
}

fn by_the_command(site: &Site) {
    let (ada, nobody) = (site.realm.logged_in("ada", "1h"), site.realm.logged_out());
    for base in &site.apache.bases {
        let url = format!("{base}/each/in.txt");
        for (environment, options) in [
            (&ada, &["--negotiate", "-u", ":"][..]),
            (&ada, &["--auth", "negotiate,basic", "-u", ":"]),
            (&ada, &["-u", ":"]),
            (&ada, &["--ambient", EVERYWHERE]),
            (&ada, &["--ambient", "*"]),
            (&nobody, &["--negotiate", "-u", "ada:secret"]),
            (&nobody, &["--negotiate", "-u", "ada@WAYFARE.TEST:secret"]),
        ] {
            let ended = site.get(environment, &[options, &[&url]].concat());
            assert_eq!(ended.text(), "You are in.\n", "{options:?} {}", ended.err);
            assert!(!ended.err.contains("secret"), "{}", ended.err);
        }
        // Told by the driver, too.
        let mut driver = Driver::start_in(&ada);
        let pem = std::fs::read_to_string(&site.authority).unwrap();
        driver.ask(json!({"op": "session", "sid": "s", "cfg": {"ca_pem": pem}}));
        let mut status = |auth: Value| {
            let asked =
                json!({"op": "fetch", "sid": "s", "method": "GET", "url": url, "auth": auth});
            driver.ask(asked)["ok"]["status"].as_u64()
        };
        let negotiate = json!(["negotiate"]);
        assert_eq!(
            status(json!({"user": "ada", "pass": "wrong", "schemes": negotiate})),
            Some(401)
        );
        assert_eq!(
            status(json!({"user": "ada", "pass": "secret", "schemes": negotiate})),
            Some(200)
        );
        assert_eq!(status(json!({"user": "", "pass": "", "schemes": negotiate})), Some(200));
        assert_eq!(status(Value::Null), Some(401));
        // Tickets that nobody allowed to be shown are not.
        for options in [&[][..], &["--negotiate"], &["--ambient", "a.test,localhost"]] {
            let ended = site.get(&ada, &[options, &[&url]].concat());
            assert_eq!(ended.code, 22, "{options:?}");
            assert_eq!(ended.err.matches("> GET").count(), 1, "{options:?} {}", ended.err);
        }
    }
}

fn without_a_ticket(site: &Site) {
    let (nobody, late) = (site.realm.logged_out(), site.realm.logged_in_too_long_ago());
    let lost = [site.realm.logged_out(), vec![("KRB5_CONFIG", "/nonexistent".into())]].concat();
    for base in &site.apache.bases {
        let url = format!("{base}/each/in.txt");
        for (environment, options, words) in [
            (&nobody, ["--negotiate", "-u", ":"], "kinit"),
            (&late, ["--negotiate", "-u", ":"], "kinit"),
            (&nobody, ["--negotiate", "-u", "ada:wrong"], "no proof for Negotiate"),
            (&nobody, ["--negotiate", "-u", "eve:secret"], "no proof for Negotiate"),
            (&lost, ["--negotiate", "-u", "ada:secret"], "no proof for Negotiate"),
        ] {
            let ended = site.get(environment, &[&options[..], &[&url]].concat());
            assert_eq!(ended.code, 22, "{options:?} {}", ended.err);
            assert!(ended.err.contains(words), "{options:?} {}", ended.err);
            assert_eq!(ended.err.matches("> GET").count(), 1, "{options:?} {}", ended.err);
        }
    }
}

fn of_somebody_else(site: &Site) {
    let ben = site.realm.logged_in("ben", "1h");
    for base in &site.apache.bases {
        let url = format!("{base}/once/in.txt");
        let ended = site.get(&ben, &["--negotiate", "-u", ":", &url]);
        assert_eq!(ended.code, 22, "{}", ended.err);
        assert_eq!(ended.err.matches("> GET").count(), 2, "{}", ended.err);
    }
}

fn for_its_name(site: &Site) {
    let get = |environment: &Environment, base: &str| {
        let ended =
            site.get(environment, &["--negotiate", "-u", ":", &format!("{base}/each/in.txt")]);
        (ended.code, ended.err)
    };
    let ada = site.realm.logged_in_where_names_are_looked_up("ada");
    let named = &site.apache.bases[0];
    let (code, err) = get(&ada, named);
    assert_eq!(code, 0, "{err}");
    // This address is called `localhost` by whoever is asked for its name, and has no key of its own.
    let (code, err) = get(&ada, &named.replace("localhost", "127.0.0.1"));
    assert_eq!(code, 22, "{err}");
    assert_eq!(err.matches("> GET").count(), 1, "{err}");
    // What the user says of realms is heeded all the same.
    let elsewhere = site.realm.logged_in_where_services_are_elsewhere("ada");
    let (code, err) = get(&elsewhere, named);
    assert_eq!(code, 22, "{err}");
    assert!(err.contains("ELSE.TEST"), "{err}");
}

fn bound(site: &Site) {
    let ada = site.realm.logged_in("ada", "1h");
    let get = |acceptor: &Acceptor| site.get(&ada, &["--negotiate", "-u", ":", &acceptor.url]);
    let Some(own) = Acceptor::start(&site.realm, None) else { return };
    let ended = get(&own);
    let flags: u32 = ended.text().trim().parse().unwrap_or_default();
    // Mutual, and bound (MIT's own); but no delegation.
    assert_eq!(flags & (2 | 0x800 | 1), 2 | 0x800, "{flags:#x} {}", ended.err);
    let other = Acceptor::start(&site.realm, Some(&site.authority)).unwrap();
    let ended = get(&other);
    assert_eq!(ended.code, 22, "{}", ended.err);
}

/// One that is forwarded to, and one behind a tunnel.
fn servers() -> [Server; 2] {
    let secure = Server::builder().tls(&identity().1).protocols(Protocols::Http1);
    let plain = Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    [plain, secure.bind_on_thread("127.0.0.1:0").unwrap()]
}

fn through_squid(site: &Site) {
    let (ada, nobody) = (site.realm.logged_in("ada", "1h"), site.realm.logged_out());
    let way = site.squid.way.as_str();
    for server in servers() {
        let url = server.url("/get");
        for (environment, options) in [
            (&ada, &["-U", ":"][..]),
            (&ada, &["--ambient", EVERYWHERE]),
            (&nobody, &["--negotiate", "-U", "ada:secret"]),
        ] {
            let ended = site.get(environment, &[&["-x", way], options, &[&url]].concat());
            assert_eq!(ended.code, 0, "{url} {options:?} {}", ended.err);
        }
        let before = server.request_count();
        for (environment, options) in [
            (&ada, &[][..]),
            (&nobody, &["-U", ":"]),
            (&nobody, &["-U", "ada:secret"]),
            (&nobody, &["--negotiate", "-U", "ada:wrong"]),
        ] {
            let ended = site.get(environment, &[&["-x", way], options, &[&url]].concat());
            assert_ne!(ended.code, 0, "{url} {options:?}");
            assert!(ended.err.contains("407"), "{url} {options:?} {}", ended.err);
        }
        assert_eq!(server.request_count(), before, "{url}");
    }
}

fn through_squid_to_apache(site: &Site) {
    let ada = site.realm.logged_in("ada", "1h");
    for face in FACES {
        // The origin is behind a tunnel: one that is forwarded to hears of nobody but the proxy.
        let base = &site.apache.bases[1];
        let asked = format!("{face:?} {} 3 {base}/once/in.txt", site.squid.way);
        assert_eq!(site.ask(&ada, &asked), "5 requests", "{asked}");
    }
}
