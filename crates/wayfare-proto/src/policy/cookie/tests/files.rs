//! Tests of cookie files: nothing is lost on the way, and what is no cookie is named.

use super::*;

#[test]
fn a_file_is_read_and_written_without_loss() {
    let mut jar = Jar::default();
    for (at, field) in [
        ("https://www.example.org/", "a=1; secure; httponly; path=/x; max-age=60"),
        ("https://www.example.org/", "b=2\t3; domain=example.org"),
        ("http://127.0.0.1/", "c="),
        ("http://[::1]/", "d=x y"),
    ] {
        set(&mut jar, at, field);
    }
    let written = netscape::write(jar.iter());
    assert_eq!(written.left_out, 0);
    let read = netscape::read(&written.text);
    assert_eq!(read.faults, []);
    let mut again = Jar::default();
    for (_, cookie) in read.cookies {
        again.insert(cookie, NOW).unwrap();
    }
    let bare = |jar: &Jar| {
        let blank = |cookie: &Cookie| Cookie { creation: NOW, last_access: NOW, ..cookie.clone() };
        let mut all: Vec<_> = jar.iter().map(blank).collect();
        all.sort_by_key(Cookie::key);
        all
    };
    assert_eq!(bare(&again), bare(&jar));
    assert_eq!(sent(&mut again, "https://sub.example.org/"), "b=2\t3");
    assert_eq!(
        sent(&mut again, "https://sub.www.example.org/x"),
        "b=2\t3",
        "a is its host's alone"
    );
}

#[test]
fn a_long_line_of_a_file_is_one_line() {
    let value = format!("{}\tevil.test\tTRUE\t/\tFALSE\t0\tx\ty", "v".repeat(60_000));
    let read = netscape::read(format!("a.test\tFALSE\t/\tFALSE\t0\tn\t{value}\n").as_bytes());
    assert_eq!(read.cookies.len(), 1);
    assert_eq!(read.cookies[0].1.domain, "a.test");
    let refused = Jar::default().insert(read.cookies[0].1.clone(), NOW);
    assert_eq!(refused, Err(Refusal::Flaw(crate::syntax::set_cookie::Flaw::TooLong)));
}

#[test]
fn a_line_that_is_no_cookie_is_named() {
    let file = "# comment\r\n\r\na.test\tFALSE\t/\tFALSE\t0\tn\tv\r\nnonsense\n\
                a.test\tYES\t/\tFALSE\t0\tn\tv\na.test\tFALSE\t/\tFALSE\tsoon\tn\tv\n\
                a.test\tFALSE\tx\tFALSE\t0\tn\tv\na.test\tTRUE\t/\tFALSE\t0\tempty\n";
    let read = netscape::read(file.as_bytes());
    assert_eq!(read.cookies.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 8]);
    assert_eq!(read.cookies[0].1.value, b"v");
    assert_eq!(read.faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [4, 5, 6, 7]);
    assert_eq!(read.faults[0].to_string(), "line 4: it has not seven parts between tabs");
}

#[test]
fn what_a_file_has_no_place_for_is_left_out_and_counted() {
    let partitioned = Cookie {
        partition: Some("https://x.test".into()),
        secure: true,
        ..Cookie::new(b"a", b"1", "a.test")
    };
    let cookies =
        [Cookie::new(b"", b"1", "a.test"), Cookie::new(b"a\tb", b"1", "a.test"), partitioned];
    let written = netscape::write(&cookies);
    assert_eq!(written.left_out, 3);
    assert_eq!(netscape::read(&written.text), netscape::Read::default());
}
