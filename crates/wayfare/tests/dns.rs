//! The own resolver against name servers that behave, and against those that do not.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use it::{Ask, FACES, Face, fetch, runtime};
use wayfare::Manager;
use wayfare::dns::{LookedUp, LookupFailure, LookupFault, NameServer, RecordType, Transport};
use wayfare::options::{Dns, Resolver};
use wayfare_testkit::FaultServer;
use wayfare_testkit::script::{Script, Step};

/// What a server says to a datagram: any number of datagrams, or nothing.
type Says = dyn Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + Sync;

/// A name server on a port of its own, over UDP and TCP.
struct Scripted {
    address: SocketAddr,
    questions: Arc<AtomicUsize>,
    ports: Arc<Mutex<Vec<u16>>>,
    ids: Arc<Mutex<Vec<[u8; 2]>>>,
}

impl Scripted {
    fn new(udp: Box<Says>, tcp: Box<Says>) -> Self {
        let (socket, listener) = loop {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()) {
                break (socket, listener);
            }
        };
        let address = listener.local_addr().unwrap();
        let questions = Arc::new(AtomicUsize::new(0));
        let (ports, ids) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (count, seen, numbers) = (questions.clone(), ports.clone(), ids.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let number = count.fetch_add(1, Ordering::SeqCst);
                seen.lock().unwrap().push(from.port());
                numbers.lock().unwrap().push([buffer[0], buffer[1]]);
                for answer in udp(number, &buffer[..length]) {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        });
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    continue;
                }
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).unwrap();
                for answer in tcp(number, &question) {
                    let length = u16::try_from(answer.len()).unwrap();
                    let _ = stream.write_all(&[&length.to_be_bytes(), &answer[..]].concat());
                }
            }
        });
        Self { address, questions, ports, ids }
    }

    fn over_udp(script: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::new(Box::new(script), Box::new(|_, _| Vec::new()))
    }

    fn server(&self) -> NameServer {
        format!("udp://{}", self.address).parse().unwrap()
    }
}

/// An answer to a question: its number and question repeated, with flags and records.
fn answer(question: &[u8], flags: u16, records: &[Vec<u8>]) -> Vec<u8> {
    let mut end = 12;
    while question[end] != 0 {
        end += usize::from(question[end]) + 1;
    }
    let mut answer = question[..2].to_vec();
    answer.extend(flags.to_be_bytes());
    answer.extend([0, 1]);
    answer.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(&question[12..end + 5]);
    answer.extend(records.concat());
    answer
}

/// A record about the name that was asked for.
fn record(kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut record = vec![0xc0, 12];
    record.extend([kind.to_be_bytes(), [0, 1]].concat());
    record.extend(ttl.to_be_bytes());
    record.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    record.extend(data);
    record
}

fn kind_of(question: &[u8]) -> u16 {
    let plain = answer(question, 0, &[]);
    u16::from_be_bytes([plain[plain.len() - 4], plain[plain.len() - 3]])
}

const GOOD: u16 = 0x8180;
const A: u16 = 1;

fn a(last: u8) -> Vec<u8> {
    record(A, 60, &[192, 0, 2, last])
}

fn good(question: &[u8]) -> Vec<u8> {
    answer(question, GOOD, &[a(1)])
}

fn with(servers: &[NameServer]) -> Manager {
    let dns = Dns { resolver: Resolver::Own(servers.to_vec()), ..Dns::default() };
    Manager::builder().dns(dns).tls(it::trust()).build()
}

fn look_up(
    face: Face,
    manager: &Manager,
    name: &str,
    kind: RecordType,
) -> Result<LookedUp, LookupFailure> {
    match face {
        Face::Alone => it::block_on(manager.lookup(name, kind)),
        Face::Awaited => runtime().block_on(manager.lookup(name, kind)),
        Face::Waited => manager.blocking().lookup(name, kind),
    }
}

fn shown(found: Result<LookedUp, LookupFailure>) -> Vec<String> {
    found.unwrap().records.iter().map(|record| record.data.to_string()).collect()
}

#[test]
fn records_come_with_their_server_transport_and_mark() {
    for face in FACES {
        let server = Scripted::over_udp(|_, question| vec![answer(question, 0x81a0, &[a(7)])]);
        let manager = with(&[server.server()]);
        let found = look_up(face, &manager, "A.test", RecordType::A).unwrap();
        assert_eq!(found.records[0].to_string(), "a.test. 60 IN A 192.0.2.7");
        assert_eq!((found.server, found.transport), (server.server(), Transport::Udp));
        assert!(found.authentic);
    }
}

#[test]
fn answers_are_kept_for_their_time_and_no_longer() {
    for face in FACES {
        let server = Scripted::over_udp(|number, question| {
            let ttl = [60, 0, 0][number];
            vec![answer(question, GOOD, &[record(A, ttl, &[192, 0, 2, 1])])]
        });
        let manager = with(&[server.server()]);
        for _ in 0..3 {
            look_up(face, &manager, "a.test", RecordType::A).unwrap();
        }
        assert_eq!(server.questions.load(Ordering::SeqCst), 1, "{face:?}");
        for _ in 0..2 {
            look_up(face, &manager, "b.test", RecordType::A).unwrap();
        }
        assert_eq!(server.questions.load(Ordering::SeqCst), 3, "{face:?}");
    }
}

#[test]
fn what_does_not_answer_the_question_is_passed_over() {
    for face in FACES {
        let server = Scripted::over_udp(|_, question| {
            let mut other_number = answer(question, GOOD, &[a(66)]);
            other_number[1] ^= 1;
            let mut other_name = answer(question, GOOD, &[a(66)]);
            other_name[13] ^= 1;
            let mut other_kind = answer(question, GOOD, &[a(66)]);
            other_kind[21] ^= 1;
            let mirror = question.to_vec();
            let damaged = good(question)[..20].to_vec();
            let noise = vec![0xff; 500];
            let all = [Vec::new(), other_number, other_name, other_kind, mirror, damaged, noise];
            all.into_iter().chain([good(question)]).collect()
        });
        let found = look_up(face, &with(&[server.server()]), "a.test", RecordType::A);
        assert_eq!(shown(found), ["192.0.2.1"], "{face:?}");
    }
}

#[test]
fn ports_and_numbers_cannot_be_foreseen() {
    let server = Scripted::over_udp(|_, question| vec![answer(question, 0x8183, &[])]);
    let manager = with(&[server.server()]);
    for number in 0..100 {
        let found = look_up(Face::Waited, &manager, &format!("{number}.test"), RecordType::A);
        assert_eq!(found.unwrap_err().kind, LookupFault::NotFound);
    }
    let distinct = |mut values: Vec<u64>| {
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    let ports = server.ports.lock().unwrap().iter().map(|port| (*port).into()).collect();
    let ids: Vec<_> = server.ids.lock().unwrap().clone();
    let ids = ids.iter().map(|id| u16::from_be_bytes(*id).into()).collect();
    assert!(distinct(ports) > 80);
    assert!(distinct(ids) > 95);
}

#[test]
fn an_answer_that_does_not_fit_comes_over_tcp() {
    for face in FACES {
        let many = |question: &[u8]| {
            let records: Vec<_> =
                (0..4000_u16).map(|n| record(A, 60, &[10, 1, (n >> 8) as u8, n as u8])).collect();
            answer(question, GOOD, &records[..3900])
        };
        let server = Scripted::new(
            Box::new(|_, question| vec![answer(question, 0x8380, &[a(1)])]),
            Box::new(move |_, question| vec![many(question)]),
        );
        let found = look_up(face, &with(&[server.server()]), "a.test", RecordType::A).unwrap();
        assert_eq!(found.transport, Transport::Tcp);
        assert_eq!(found.records.len(), 1000, "as many as are believed");
    }
}

#[test]
fn the_next_server_is_asked_when_one_cannot_or_will_not() {
    for face in FACES {
        for flags in [0x8182, 0x8185, 0x8184] {
            let bad = Scripted::over_udp(move |_, question| vec![answer(question, flags, &[])]);
            let fine = Scripted::over_udp(|_, question| vec![good(question)]);
            let manager = with(&[bad.server(), fine.server()]);
            let found = look_up(face, &manager, "a.test", RecordType::A).unwrap();
            assert_eq!(found.server, fine.server());
        }
        // Nobody listens there, which is known at once; from then on it is asked last.
        let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let closed: NameServer = closed.to_string().parse().unwrap();
        let fine = Scripted::over_udp(|_, question| vec![good(question)]);
        let manager = with(&[closed, fine.server()]);
        let began = Instant::now();
        look_up(face, &manager, "a.test", RecordType::A).unwrap();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        // A stream that is cut off.
        let cut = Scripted::new(
            Box::new(|_, question| vec![answer(question, 0x8380, &[])]),
            Box::new(|_, _| Vec::new()),
        );
        let manager = with(&[cut.server(), fine.server()]);
        let found = look_up(face, &manager, "a.test", RecordType::A).unwrap();
        assert_eq!(found.server, fine.server());
    }
}

#[test]
fn every_failure_has_its_kind() {
    let table = [
        (0x8183, LookupFault::NotFound, 7),
        (0x8180, LookupFault::NoData, 0),
        (0x8182, LookupFault::ServerFailure, 5),
        (0x8185, LookupFault::Refused, 6),
        (0x8181, LookupFault::InvalidReply, 4),
    ];
    for (flags, kind, qt_code) in table {
        let server = Scripted::over_udp(move |_, question| vec![answer(question, flags, &[])]);
        let failure = look_up(Face::Waited, &with(&[server.server()]), "a.test", RecordType::A);
        let failure = failure.unwrap_err();
        assert_eq!((failure.kind, failure.kind.qt_code()), (kind, qt_code));
        assert_eq!(failure.server, Some(server.server().to_string()));
    }
    let failure = look_up(Face::Waited, &with(&[]), "a..b", RecordType::A).unwrap_err();
    assert_eq!(failure.kind, LookupFault::InvalidRequest);
}

#[test]
fn silence_is_asked_again_and_ends_in_time() {
    for face in FACES {
        let server = Scripted::over_udp(|number, question| match number {
            0 => Vec::new(),
            _ => vec![good(question)],
        });
        let began = Instant::now();
        look_up(face, &with(&[server.server()]), "a.test", RecordType::A).unwrap();
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(6), "{took:?}");

        let silent = Scripted::over_udp(|_, _| Vec::new());
        let dns = Dns { resolver: Resolver::Own(vec![silent.server()]), ..Dns::default() };
        let timeouts = wayfare::options::Timeouts {
            resolve: Duration::from_millis(300).into(),
            ..Default::default()
        };
        let manager = Manager::builder().dns(dns).timeouts(timeouts).build();
        let began = Instant::now();
        let failure = look_up(face, &manager, "a.test", RecordType::A).unwrap_err();
        assert_eq!(failure.kind, LookupFault::Timeout);
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    }
}

#[test]
fn a_request_finds_its_server_by_the_own_resolver() {
    for face in FACES {
        let web = wayfare_testkit::Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
        // IPv6 cannot be told, and that does not matter.
        let server = Scripted::over_udp(|_, question| match kind_of(question) {
            A => vec![answer(question, GOOD, &[record(A, 60, &[127, 0, 0, 1])])],
            _ => vec![answer(question, 0x8182, &[])],
        });
        let manager = with(&[server.server()]);
        let url = format!("http://web.test:{}/get", web.address().port());
        for _ in 0..2 {
            let got = fetch(face, &manager, Ask::get(&url)).unwrap();
            assert_eq!(got.status, 200, "{face:?}");
        }
        let got = fetch(face, &manager, Ask::get(url.replace("web.test", "localhost"))).unwrap();
        assert_eq!(got.status, 200, "no server is asked for this machine's name");
    }
}

#[test]
fn a_name_that_does_not_exist_says_who_said_so() {
    let server = Scripted::over_udp(|_, question| vec![answer(question, 0x8183, &[])]);
    for face in FACES {
        let error =
            fetch(face, &with(&[server.server()]), Ask::get("http://no.test/")).unwrap_err();
        assert_eq!(error.kind(), wayfare::ErrorKind::NameNotFound);
        let text = error.to_string();
        assert!(text.contains("there is no name no.test"), "{text}");
        assert!(text.contains(&server.server().to_string()), "{text}");
    }
}

/// The question for the address of `a.test` that is posted over HTTPS.
fn posted() -> Vec<u8> {
    posted_for(b'a')
}

/// That for the address of another letter.
fn posted_for(letter: u8) -> Vec<u8> {
    let mut question = vec![0; 12];
    question.extend([1, letter]);
    question.extend(b"\x04test\0\0\x01\0\x01");
    question
}

/// An HTTPS server of HTTP/1.1 only that answers every post like this.
fn https(fields: &str, body: &[u8]) -> (FaultServer, NameServer) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{fields}\r\n", body.len());
    let answer = [head.as_bytes(), body].concat();
    let steps = vec![Step::head(), Step::ReadBody(35), Step::send(answer), Step::Fin];
    let server = FaultServer::script(Script::always(steps)).tls(&it::identity().1);
    let server = server.bind_on_thread("127.0.0.1:0").unwrap();
    let port = server.address().port();
    (server, format!("https://localhost:{port}/dns-query").parse().unwrap())
}

#[test]
fn an_answer_over_https_may_come_by_http_1_1_and_has_aged_on_the_way() {
    let kind = "Content-Type: application/dns-message\r\n";
    for face in FACES {
        let (server, name) = https(&format!("{kind}Age: 20\r\n"), &good(&posted()));
        let found = look_up(face, &with(&[name]), "a.test", RecordType::A).unwrap();
        assert_eq!(found.transport, Transport::Https);
        assert_eq!(found.records[0].ttl, 40);
        let asked = String::from_utf8_lossy(&server.heard()[0].bytes).into_owned();
        assert!(asked.starts_with("POST /dns-query HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("Content-Type: application/dns-message\r\n"), "{asked}");
    }
}

/// The steps that answer the post for a letter, with so many bytes behind it.
fn answering(letter: u8, fields: &str, behind: usize) -> Vec<Step> {
    let body = good(&posted_for(letter));
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\n\
         Content-Length: {}\r\n{fields}\r\n",
        body.len()
    );
    let answer = [head.as_bytes(), &body, &vec![b'x'; behind]].concat();
    vec![Step::head(), Step::ReadBody(35), Step::send(answer)]
}

#[test]
fn a_connection_over_http_1_1_is_kept_for_the_next_question_as_far_as_the_server_goes_along() {
    let one = |fields, behind| {
        let stays = Step::Drain(Duration::from_secs(20));
        [b'a', b'b', b'c'].map(|letter| [answering(letter, fields, behind), vec![stays.clone()]])
    };
    let all = |fields, behind| one(fields, behind).map(|steps| steps.concat()).to_vec();
    let kept = [b'a', b'b', b'c'].map(|letter| answering(letter, "", 0)).concat();
    let gone = [b'a', b'b', b'c'].map(|letter| [answering(letter, "", 0), vec![Step::Fin]]);
    let table = [
        ("it goes along", vec![kept], 1),
        ("it says that it closes", all("Connection: close\r\n", 0), 3),
        ("it says more than was asked", all("", 1), 3),
        ("it closes without a word", gone.map(|steps| steps.concat()).to_vec(), 3),
    ];
    for (what, connections, opened) in table {
        for face in FACES {
            let server = FaultServer::script(Script::once(connections.clone()));
            let server = server.tls(&it::identity().1).bind_on_thread("127.0.0.1:0").unwrap();
            let port = server.address().port();
            let name = format!("https://localhost:{port}/dns-query").parse().unwrap();
            let manager = with(&[name]);
            for asked in ["a.test", "b.test", "c.test"] {
                let found = look_up(face, &manager, asked, RecordType::A);
                assert_eq!(found.unwrap().transport, Transport::Https, "{what} {face:?}");
            }
            assert_eq!(server.connections_opened(), opened, "{what} {face:?}");
        }
    }
}

#[test]
fn what_is_no_dns_answer_over_https_is_refused() {
    let kind = "Content-Type: application/dns-message\r\n";
    let table: [(&str, Vec<u8>, &str); 4] = [
        ("Content-Type: text/html\r\n", good(&posted()), "no DNS message"),
        (kind, vec![0; 70_000], "longer than a DNS message"),
        (kind, good(&posted())[..30].to_vec(), "damaged"),
        (kind, posted(), "something else"),
    ];
    for (fields, body, words) in table {
        let (_server, name) = https(fields, &body);
        let failure = look_up(Face::Waited, &with(&[name]), "a.test", RecordType::A).unwrap_err();
        assert_eq!(failure.kind, LookupFault::InvalidReply, "{failure}");
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

/// An HTTPS record of the name itself with an address.
fn service(address: [u8; 4]) -> Vec<u8> {
    let mut data = vec![0, 1, 0];
    data.extend([0, 1, 0, 9]);
    data.extend(b"\x08http/1.1");
    data.extend([0, 4, 0, 4]);
    data.extend(address);
    record(65, 60, &data)
}

#[test]
fn the_addresses_of_https_records_are_used_while_the_others_are_awaited() {
    for face in FACES {
        let builder = wayfare_testkit::Server::builder().tls(&it::identity().1);
        let web = builder.bind_on_thread("127.0.0.1:0").unwrap();
        let names = Arc::new(Mutex::new(Vec::new()));
        let seen = names.clone();
        // Only the record for HTTPS is told; the questions for addresses stay without an answer.
        let server = Scripted::over_udp(move |_, question| match kind_of(question) {
            65 => {
                let name = question[12..].iter().take_while(|byte| **byte != 0);
                let name: Vec<_> = name.copied().collect();
                seen.lock().unwrap().push(name.escape_ascii().to_string());
                vec![answer(question, GOOD, &[service([127, 0, 0, 1])])]
            }
            _ => Vec::new(),
        });
        let port = web.address().port();
        let url = format!("https://www.localhost.test:{port}/get");
        let dns = Dns { resolver: Resolver::Own(vec![server.server()]), ..Dns::default() };
        let tls = wayfare::options::Tls::default().dangerous().trust_everybody();
        let manager = Manager::builder().dns(dns).tls(tls).build();
        let began = Instant::now();
        assert_eq!(fetch(face, &manager, Ask::get(&url)).unwrap().status, 200, "{face:?}");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        let asked = names.lock().unwrap();
        assert_eq!(asked.len(), 1);
        assert!(asked[0].contains(&format!("_{port}")) && asked[0].contains("_https"), "{asked:?}");
    }
}

#[test]
fn servers_that_say_nothing_are_a_timeout_of_the_lookup() {
    let silent = Scripted::over_udp(|_, _| Vec::new());
    let timeouts = wayfare::options::Timeouts {
        resolve: Duration::from_millis(200).into(),
        ..Default::default()
    };
    for face in FACES {
        let ask = Ask::get("http://a.test/").timeouts(timeouts);
        let error = fetch(face, &with(&[silent.server()]), ask).unwrap_err();
        assert_eq!(error.kind(), wayfare::ErrorKind::Timeout(wayfare::Phase::Resolve), "{error}");
    }
}

#[test]
fn a_server_of_old_is_asked_in_the_old_way() {
    for face in FACES {
        for flags in [0x8181, 0x8184] {
            // The last count of the head tells whether the question has extensions.
            let server = Scripted::over_udp(move |_, question| match question[11] {
                0 => vec![good(question)],
                _ => vec![answer(question, flags, &[])],
            });
            let found = look_up(face, &with(&[server.server()]), "a.test", RecordType::A);
            assert_eq!(shown(found), ["192.0.2.1"], "{face:?}");
            assert_eq!(server.questions.load(Ordering::SeqCst), 2);
        }
    }
}
