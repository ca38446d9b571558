//! `wayfare get` and its kin: what they print, what they save, and how they fail.

#![allow(clippy::unwrap_used)]

mod command;

use std::fs;
use std::process::Stdio;

use command::{Scratch, command, finish, run, run_with_input, server, tls_server};
use serde_json::Value;
use wayfare_testkit::content::{bytes_of, text_of};
use wayfare_testkit::{Authority, FaultServer, Server};

#[test]
fn one_body_goes_to_standard_output_and_nothing_is_said() {
    let server = server();
    let ended = run(&["get", &server.url("/bytes/100000")]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert_eq!(ended.out, bytes_of(100_000, 1));
}

#[test]
fn bodies_are_decoded_unless_they_are_wanted_as_they_come() {
    let server = server();
    assert_eq!(run(&["get", &server.url("/br/5000")]).text(), text_of(5000));
    let raw = run(&["get", "--no-compressed", &server.url("/gzip/5000")]);
    assert_eq!(&raw.out[..2], b"\x1f\x8b");
}

#[test]
fn files_are_saved_where_they_are_told_to() {
    let server = server();
    let scratch = Scratch::new();
    let file = scratch.text("a.bin");
    let ended = run(&["get", "-o", &file, &server.url("/bytes/5000")]);
    assert_eq!((ended.code, ended.out.len(), ended.err.as_str()), (0, 0, ""));
    assert_eq!(fs::read(&file).unwrap(), bytes_of(5000, 1));

    let named =
        finish(command(&["get", "-O", &server.url("/bytes/77")]).current_dir(scratch.dir()));
    assert_eq!(named.code, 0, "{}", named.err);
    assert_eq!(scratch.names(), ["77", "a.bin"]);
}

#[test]
fn several_urls_go_into_a_directory_that_is_made() {
    let server = server();
    let scratch = Scratch::new();
    let dir = scratch.text("new/deep");
    let urls = [server.url("/bytes/1"), server.url("/bytes/2000"), server.url("/file/c.txt")];
    let ended = run(&["get", "-d", &dir, &urls[0], &urls[1], &urls[2]]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(fs::read(scratch.path("new/deep/2000")).unwrap(), bytes_of(2000, 1));
    assert_eq!(fs::read(scratch.path("new/deep/c.txt")).unwrap(), text_of(1000).as_bytes());
}

#[test]
fn several_urls_share_the_connections_of_one_manager() {
    let server = server();
    let scratch = Scratch::new();
    let urls: Vec<String> = (0..20).map(|n| server.url(&format!("/bytes/{}", 9000 + n))).collect();
    let mut arguments = vec!["get", "-d", scratch.dir().to_str().unwrap()];
    arguments.extend(urls.iter().map(String::as_str));
    assert_eq!(run(&arguments).code, 0);
    assert_eq!(scratch.names().len(), 20);
    assert!(server.peak_concurrent_connections() <= 6);
    assert!(server.connections_opened() < 20);
}

#[test]
fn several_urls_need_a_place_for_each() {
    let ended = run(&["get", "http://a.test/1", "http://a.test/2"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("-d DIR"), "{}", ended.err);
    let same = run(&["get", "-O", "http://a.test/x", "http://b.test/x"]);
    assert_eq!(same.code, 2);
    assert!(same.err.contains("two URLs would be saved as x"), "{}", same.err);
}

#[test]
fn the_first_failure_decides_the_exit_code_and_the_others_are_saved() {
    let server = server();
    let scratch = Scratch::new();
    let dir = scratch.text("");
    let (good, lost) = (server.url("/bytes/10"), server.url("/status/404"));
    let ended = run(&["get", "-d", &dir, &lost, "http://127.0.0.1:1/x", &good]);
    assert_eq!(ended.code, 22, "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 2, "{}", ended.err);
    assert_eq!(scratch.names(), ["10"]);
}

/// Each failure: arguments, exit code, and words that must be said in one line.
fn assert_fails(arguments: &[&str], code: i32, words: &[&str]) {
    let ended = run(arguments);
    assert_eq!(ended.code, code, "{arguments:?}: {}", ended.err);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.starts_with("wayfare: "), "{}", ended.err);
    for word in words {
        assert!(ended.err.contains(word), "{word} is missing: {}", ended.err);
    }
    assert_eq!(ended.text(), "");
}

#[test]
fn failures_have_their_codes_and_say_what_to_try() {
    let server = server();
    let lost = server.url("/status/404");
    assert_fails(&["get", "htp://a.test/"], 1, &["htp", "did you mean http?"]);
    assert_fails(&["get", "a.test/x"], 3, &["needs a scheme"]);
    assert_fails(&["get", "http://none.invalid/"], 6, &["none.invalid", "spelling"]);
    assert_fails(&["get", "http://127.0.0.1:1/"], 7, &["refused", "port 1"]);
    assert_fails(&["get", &lost], 22, &[&lost, "404 Not Found", "--no-fail"]);
    assert_fails(&["get", "-m", "0.3", &server.url("/delay/9000")], 28, &["300ms", "-m"]);
    assert_fails(&["get", "--max-redirs", "2", &server.url("/redirect/3")], 47, &["--max-redirs"]);
    assert_fails(&["get", "file:///none/such"], 37, &["no such file"]);
    assert_fails(&["get", "-u", "a:b", &server.url("/auth-basic")], 22, &["401"]);
}

#[test]
fn certificates_that_are_not_trusted_have_a_code_of_their_own() {
    let scratch = Scratch::new();
    let (tls, pem) = tls_server(&scratch);
    assert_fails(&["get", &tls.url("/get")], 60, &["--cacert", "-k"]);
    assert_eq!(run(&["get", "--cacert", &pem, &tls.url("/get")]).text(), "It works.\n");
    assert_eq!(run(&["get", "-k", &tls.url("/get")]).text(), "It works.\n");

    let authority = Authority::new();
    let path = scratch.text("other.pem");
    authority.write_pem(&path).unwrap();
    let over = authority.issue_expired(&["127.0.0.1"]);
    let over = Server::builder().tls(&over).bind_on_thread("127.0.0.1:0").unwrap();
    assert_fails(&["get", "--cacert", &path, &over.url("/")], 60, &["clock"]);
    let other = authority.issue_for_wrong_name();
    let other = Server::builder().tls(&other).bind_on_thread("127.0.0.1:0").unwrap();
    assert_fails(&["get", "--cacert", &path, &other.url("/")], 60, &["host name"]);
    let plain = server();
    let speaks_plain = plain.url("/").replace("http://", "https://");
    assert_fails(&["get", "-k", "--http1.1", &speaks_plain], 35, &["http://"]);
    assert_fails(&["get", "--cacert", "/none", &plain.url("/")], 77, &["/none"]);
}

#[test]
fn a_redirect_to_less_safety_is_refused() {
    let scratch = Scratch::new();
    let (tls, pem) = tls_server(&scratch);
    let plain = server();
    let url = tls.url(&format!("/redirect-to?url={}", plain.url("/get")));
    assert_fails(&["get", "--cacert", &pem, &url], 47, &["--no-location"]);
    assert_eq!(plain.request_count(), 0);
    let shown = run(&["get", "--cacert", &pem, "--no-location", "-i", &url]);
    assert_eq!(shown.code, 0);
    assert!(shown.text().starts_with("HTTP/2 302\r\n"), "{}", shown.text());
}

#[test]
fn a_body_that_is_cut_off_leaves_what_was_there() {
    let cut = FaultServer::named("short-length").bind_on_thread("127.0.0.1:0").unwrap();
    let scratch = Scratch::new();
    let file = scratch.text("f");
    fs::write(&file, "before").unwrap();
    assert_eq!(run(&["get", "-o", &file, &cut.url("/")]).code, 18);
    assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    assert_eq!(scratch.names(), ["f"]);
}

#[test]
fn an_error_body_is_delivered_if_asked_for() {
    let server = server();
    let ended = run(&["get", "--no-fail", "-i", &server.url("/auth-basic")]);
    assert_eq!(ended.code, 0);
    assert!(ended.text().starts_with("HTTP/1.1 401 Unauthorized\r\n"));
    assert!(ended.text().ends_with("\r\n\r\nWho are you?\n"), "{}", ended.text());
    assert_eq!(run(&["get", "-s", &server.url("/status/500")]).err, "");
    assert!(!run(&["get", "-sS", &server.url("/status/500")]).err.is_empty());
}

#[test]
fn names_from_urls_and_servers_stay_in_the_directory() {
    let server = server();
    let scratch = Scratch::new();
    let dir = scratch.path("in");
    fs::create_dir(&dir).unwrap();
    for url in ["/file/..%2f..%2fx", "/file/..%5c..%5cy", "/file/.%62ashrc"] {
        let ended = finish(command(&["get", "-O", &server.url(url)]).current_dir(&dir));
        assert_eq!(ended.code, 0, "{url}: {}", ended.err);
        let ended = finish(command(&["get", "-J", &server.url(url)]).current_dir(&dir));
        assert_eq!(ended.code, 23, "{url} would go over a file: {}", ended.err);
    }
    assert_eq!(scratch.names(), ["in"]);
    let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["_bashrc", "x", "y"]);
    for name in names {
        assert_eq!(fs::read(dir.join(name)).unwrap(), text_of(1000).as_bytes(), "not written over");
    }
}

#[test]
fn the_name_that_a_server_suggests_is_taken_only_if_asked_for() {
    let server = server();
    let scratch = Scratch::new();
    let dir = scratch.text("");
    let url = server.url(
        "/response-headers?Content-Disposition=attachment%3B%20filename%3D%22..%2Fb%3Aad.txt%22",
    );
    assert_eq!(run(&["get", "-d", &dir, &url]).code, 0);
    assert_eq!(run(&["get", "-J", "-d", &dir, &url]).code, 0);
    assert_eq!(scratch.names(), ["b_ad.txt", "response-headers"]);
    let again = run(&["get", "-J", "-d", &dir, "--include", &url]);
    assert_eq!(again.code, 23);
    assert!(again.err.contains("there is a file of this name"), "{}", again.err);
    assert_eq!(scratch.names().len(), 2, "nothing was removed");
}

#[test]
fn a_redirect_does_not_choose_the_file_name() {
    let server = server();
    let scratch = Scratch::new();
    let url = server.url(&format!("/redirect-to?url={}", server.url("/file/.bashrc")));
    let ended = finish(command(&["get", "-O", &url]).current_dir(scratch.dir()));
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(scratch.names(), ["redirect-to"]);
}

#[test]
fn lines_cannot_be_smuggled_in() {
    let server = server();
    let url = server.url("/get");
    let evil: [&[&str]; 5] = [
        &["get", &url, "-H", "A: b\r\nX: y"],
        &["get", &url, "-H", "A\r\nX: y"],
        &["get", &url, "-A", "a\r\nX: y"],
        &["get", &url, "-r", "0-1\r\nX: y"],
        &["request", &url, "-X", "GET / HTTP/1.1\r\nX: y\r\n"],
    ];
    for arguments in evil {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
    assert_ne!(run(&["get", &format!("{url}\r\nX: y")]).err.lines().count(), 2);
    assert_eq!(run(&["post", &url, "-F", "a=b;type=x\r\nX: y"]).code, 2);
    assert!(server.requests().iter().all(|record| !record.headers.contains_key("x")));
}

#[test]
fn a_rate_is_kept_to() {
    let server = server();
    let scratch = Scratch::new();
    let url = server.url("/bytes/60000");
    let ended = run(&["get", "--limit-rate", "40K", "-o", &scratch.text("f"), &url]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!((1.1..4.0).contains(&ended.took.as_secs_f64()), "{:?}", ended.took);
    assert_eq!(fs::read(scratch.path("f")).unwrap(), bytes_of(60_000, 1));
}

#[test]
fn standard_input_and_files_are_sent() {
    let server = server();
    let scratch = Scratch::new();
    let file = scratch.text("up.txt");
    fs::write(&file, "from a file").unwrap();
    let ended = run_with_input(&["put", "-T", "-", &server.url("/upload")], b"streamed");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(run(&["put", "-T", &file, &server.url("/upload")]).code, 0);
    assert_eq!(run(&["put", "-T", "/none", &server.url("/upload")]).code, 26);
    let records = server.requests();
    assert_eq!(&records[0].body[..], b"streamed");
    assert_eq!(records[0].headers["transfer-encoding"], "chunked");
    assert_eq!(&records[1].body[..], b"from a file");
    assert_eq!(records[1].headers["content-length"], "11");
}

#[test]
fn data_is_joined_in_the_order_given() {
    let server = server();
    let url = server.url("/upload");
    let scratch = Scratch::new();
    let file = scratch.text("d");
    fs::write(&file, "l1\nl2\r\n").unwrap();
    let from_file = format!("@{file}");
    let line = ["post", &url, "--data-raw", "@x", "-d", "a=1", "--data-urlencode", "b=ü &", "-d"];
    let line: Vec<_> = line.into_iter().chain([from_file.as_str()]).collect();
    assert_eq!(run(&line).code, 0);
    assert_eq!(run(&["post", &url, "--data-binary", &from_file]).code, 0);
    assert_eq!(run(&["post", &url, "--json", "{\"a\":1}"]).code, 0);
    assert_eq!(run(&["post", "-G", &server.url("/get?z"), "-d", "a=1"]).code, 0);
    assert_eq!(run(&["get", &server.url("/get"), "--data-urlencode", "q=a b"]).code, 0);
    let records = server.requests();
    assert_eq!(&records[0].body[..], b"@x&a=1&b=%C3%BC%20%26&l1l2");
    assert_eq!(records[0].headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(&records[1].body[..], b"l1\nl2\r\n");
    assert_eq!(&records[2].body[..], b"{\"a\":1}");
    assert_eq!(records[2].headers["content-type"], "application/json");
    assert_eq!(records[2].headers["accept"], "application/json");
    assert_eq!((records[3].method.as_str(), records[3].target.as_str()), ("GET", "/get?z&a=1"));
    assert_eq!(records[4].target, "/get?q=a%20b");
}

#[test]
fn forms_have_texts_and_files() {
    let server = server();
    let scratch = Scratch::new();
    let file = scratch.text("pic.png");
    fs::write(&file, "not really").unwrap();
    let picture = format!("pic=@{file}");
    let odd = format!("odd=@{file};type=text/x;filename=other.txt");
    let ended = run(&["post", &server.url("/upload"), "-F", "a=b", "-F", &picture, "-F", &odd]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let body = String::from_utf8_lossy(&server.requests()[0].body).into_owned();
    assert!(body.contains("name=\"a\"\r\n\r\nb\r\n"), "{body}");
    assert!(body.contains("filename=\"pic.png\"\r\nContent-Type: image/png"), "{body}");
    assert!(body.contains("filename=\"other.txt\"\r\nContent-Type: text/x"), "{body}");
}

#[test]
fn heads_ranges_and_methods_are_asked_for() {
    let server = server();
    let head = run(&["get", "-I", &server.url("/bytes/10")]);
    assert!(head.text().starts_with("HTTP/1.1 200 OK\r\n"), "{}", head.text());
    assert!(head.text().contains("content-length: 10\r\n"));
    assert_eq!(
        run(&["head", &server.url("/bytes/10")]).text().lines().next(),
        Some("HTTP/1.1 200 OK")
    );
    assert_eq!(run(&["get", "-r", "5-9", &server.url("/bytes/100")]).out, bytes_of(100, 1)[5..10]);
    assert_eq!(run(&["get", "-r", "-3", &server.url("/bytes/100")]).out, bytes_of(100, 1)[97..]);
    let echo = run(&["request", "-X", "PROPFIND", &server.url("/echo")]).text();
    let echo: Value = serde_json::from_str(&echo).unwrap();
    assert_eq!(echo["method"], "PROPFIND");
}

#[test]
fn fields_can_be_added_replaced_and_left_out() {
    let server = server();
    let line = ["get", &server.url("/get"), "-H", "X-A: 1", "-H", "X-A: 2", "-H", "Accept:"];
    let line: Vec<_> = line.into_iter().chain(["-A", "me", "-e", "http://r.test/"]).collect();
    assert_eq!(run(&line).code, 0);
    let headers = &server.requests()[0].headers;
    assert_eq!(headers.get_all("x-a").iter().count(), 2);
    assert_eq!(headers["user-agent"], "me");
    assert_eq!(headers["referer"], "http://r.test/");
    assert!(!headers.contains_key("accept"));
}

#[test]
fn the_version_of_http_can_be_chosen() {
    let server = server();
    let scratch = Scratch::new();
    let (tls, pem) = tls_server(&scratch);
    let version = |line: &[&str]| run(line).text().lines().next().unwrap_or_default().to_owned();
    assert_eq!(version(&["head", &tls.url("/get"), "--cacert", &pem]), "HTTP/2 200");
    assert_eq!(
        version(&["head", &tls.url("/get"), "--cacert", &pem, "--http1.1"]),
        "HTTP/1.1 200 OK"
    );
    assert_eq!(version(&["head", "--http2-prior-knowledge", &server.url("/get")]), "HTTP/2 200");
    let pinned = tls.url_at("localhost", "/get");
    let line = ["head", &pinned, "--cacert", &pem, "--resolve", "localhost:127.0.0.1"];
    assert_eq!(version(&line), "HTTP/2 200");
}

#[test]
fn verbose_tells_what_happens_and_hides_secrets() {
    let server = server();
    let url = server.url("/cookies-set").replace("http://", "http://ada:sesame@");
    let basic = ["--basic", "-u", "ada:sesame"];
    let ended = run(&[&["get", "-v", "-H", "Cookie: token=hush"][..], &basic, &[&url]].concat());
    for line in ["* connected to 127.0.0.1", "> GET /cookies-set", "< HTTP/1.1 200 OK", "* done"] {
        assert!(ended.err.contains(line), "{line}: {}", ended.err);
    }
    assert!(ended.err.contains("> authorization: [hidden]"), "{}", ended.err);
    for secret in ["sesame", "hush", "flavor", "YWRhOnNlc2FtZQ"] {
        assert!(!ended.err.contains(secret), "{secret}: {}", ended.err);
    }
    let failed = run(&["get", "http://ada:sesame@127.0.0.1:1/"]);
    assert!(!failed.err.contains("sesame"), "{}", failed.err);
    let unreadable = run(&["get", "http://ada:sesame@a b/"]);
    assert!(!unreadable.err.contains("sesame"), "{}", unreadable.err);
}

#[test]
fn verbose_tells_each_request_as_it_is_sent() {
    let server = server();
    let url = server.url("/redirect-to?url=%2Fupload&code=307");
    let ended = run(&["post", "-v", "--json", "{}", &url]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    for line in ["> POST /redirect-to", "> POST /upload"] {
        let (_, told) = ended.err.split_once(line).unwrap_or_else(|| panic!("{}", ended.err));
        let request: Vec<_> =
            told.lines().skip(1).take_while(|line| line.starts_with('>')).collect();
        let told = |start: &str| request.iter().any(|line| line.starts_with(start));
        for field in ["host: 127", "accept-encoding: ", "user-agent: ", "accept: application/json"]
        {
            assert!(told(&format!("> {field}")), "{field}: {}", ended.err);
        }
        assert!(told("> content-type: application/json"), "{}", ended.err);
    }
    let sent = &server.requests()[1].headers;
    assert_eq!(sent["content-type"], "application/json");
    let away = run(&["post", "-v", "-d", "a=1", &server.url("/redirect-to?url=%2Fget&code=303")]);
    let (_, second) = away.err.split_once("> GET /get").unwrap();
    assert!(!second.contains("> content-type"), "{}", away.err);
}

#[test]
fn what_a_server_says_cannot_steer_the_terminal() {
    let line = "HTTP/1.1 500 \u{1b}[2JOops\r\nContent-Length: 0\r\nX-A: \u{1b}[31m\r\n\r\n";
    let script = wayfare_testkit::script::Script::always(vec![
        wayfare_testkit::script::Step::head(),
        wayfare_testkit::script::Step::send(line),
    ]);
    let server = FaultServer::script(script).bind_on_thread("127.0.0.1:0").unwrap();
    let ended = run(&["get", "-v", &server.url("/")]);
    assert_ne!(ended.code, 0);
    assert!(!ended.err.contains('\u{1b}'), "{:?}", ended.err);
}

#[test]
fn timings_are_told() {
    let server = server();
    let ended = run(&["get", "--timings", &server.url("/get")]);
    for phase in ["queued", "connect", "wait", "total"] {
        assert!(ended.err.contains(phase), "{}", ended.err);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_accident() {
    let server = server();
    let mut child = command(&["get", &server.url("/bytes/30000000")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(23));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn files_and_data_have_urls_too() {
    let scratch = Scratch::new();
    fs::write(scratch.path("f.txt"), "here").unwrap();
    let url = format!("file://{}", scratch.text("f.txt"));
    assert_eq!(run(&["get", &url]).text(), "here");
    assert_eq!(run(&["get", "data:,a%20b"]).text(), "a b");
}

/// Needs the right to mount; without it there is nothing to test.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let server = server();
    let scratch = Scratch::new();
    let disk = scratch.text("disk");
    fs::create_dir(&disk).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk.as_str()];
    let mounted = std::process::Command::new("mount").args(mount).stderr(Stdio::null()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return;
    }
    let file = format!("{disk}/f");
    let ended = run(&["get", "-o", &file, &server.url("/bytes/1000000")]);
    let left = fs::read_dir(&disk).unwrap().count();
    let _ = std::process::Command::new("umount").arg(&disk).status();
    assert_eq!(ended.code, 23, "{}", ended.err);
    assert!(ended.err.contains("No space left"), "{}", ended.err);
    assert_eq!(left, 0);
}
