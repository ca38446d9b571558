//! What the application does in its day, and what must come of it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wayfare::queueing::Priority;
use wayfare::{ErrorKind, Phase};
use wayfare_testkit::content::{bytes_of, sha256_hex, text_of};

use super::stage::{NOTE_LENGTH, NOTE_SEED, Stage};

/// One transfer of the day.
pub(super) struct Act {
    pub(super) name: String,
    pub(super) lane: Lane,
    pub(super) priority: Priority,
    /// When the application thinks of it.
    pub(super) at: Duration,
    pub(super) url: String,
    pub(super) ask: Ask,
    pub(super) expect: Expect,
}

/// Whom it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Api,
    Files,
    Other,
}

/// What is asked.
pub(super) enum Ask {
    Form,
    Get,
    /// A download that loses patience after so much silence.
    Hasty(Duration),
    Upload(Vec<u8>),
}

/// What must come of it.
pub(super) enum Expect {
    /// A body with this SHA-256.
    Body(String),
    /// The same, after so many redirects.
    Redirected(usize, String),
    Failure(ErrorKind),
    /// An echo of the form that was sent.
    Form,
    /// The server's word that what it got has this SHA-256.
    Received(String),
}

/// All of them, in the order of the report.
pub(super) fn acts(stage: &Stage) -> Vec<Act> {
    let mut acts = photos(stage);
    acts.extend(clicks(stage));
    acts.extend(tiles(stage));
    acts.extend(feeds(stage));
    acts.extend(uploads(stage));
    acts.extend(local(stage));
    acts.extend(troubles(stage));
    acts
}

/// Photos that are synchronised in the background.
fn photos(stage: &Stage) -> Vec<Act> {
    (1..=14)
        .map(|n: u64| {
            let length = 160_000 + (n * 7919 % 11) * 28_000;
            let act = download(&stage.files.url(""), length, n);
            let at = Duration::from_millis(n * 4);
            Act { name: format!("photo-{n:02}"), priority: Priority::Low, at, ..act }
        })
        .collect()
}

/// Pages that the user opens meanwhile and wants at once, and songs to play soon.
fn clicks(stage: &Stage) -> Vec<Act> {
    let page = |n: u64| Act {
        name: format!("page-{n}"),
        priority: Priority::High,
        at: Duration::from_millis(500 + n * 4),
        ..download(&stage.files.url(""), 60_000 + n * 25_000, 100 + n)
    };
    let song = |n: u64| Act {
        name: format!("song-{n}"),
        at: Duration::from_millis(700 + n * 4),
        ..download(&stage.files.url(""), 400_000 + n * 60_000, 200 + n)
    };
    (1..=4).map(page).chain((1..=2).map(song)).collect()
}

/// Tiles of a map, over one HTTP/2 connection.
fn tiles(stage: &Stage) -> Vec<Act> {
    let priorities = [Priority::High, Priority::Normal, Priority::Low];
    (1..=10)
        .map(|n: u64| {
            let length = 20_000 + (n * 6007 % 13) * 12_000;
            let act = download(&stage.api.url(""), length, 300 + n);
            let priority = priorities[usize::try_from(n % 3).unwrap_or_default()];
            let at = Duration::from_millis(150 + n * 40);
            Act { name: format!("tile-{n:02}"), lane: Lane::Api, priority, at, ..act }
        })
        .collect()
}

/// News in every coding, and a document that has moved.
fn feeds(stage: &Stage) -> Vec<Act> {
    let codings = ["gzip", "deflate", "br", "zstd"].into_iter().enumerate().map(|(n, coding)| {
        let length = 90_000 + n * 10_000;
        let url = stage.api.url(&format!("/{coding}/{length}"));
        let expect = Expect::Body(sha256_hex(text_of(length).as_bytes()));
        Act { name: format!("feed.{coding}"), lane: Lane::Api, url, expect, ..blank() }
    });
    let moved = Act {
        name: "moved-document".to_owned(),
        lane: Lane::Api,
        url: stage.api.url("/redirect/3"),
        expect: Expect::Redirected(3, sha256_hex(b"It works.\n")),
        ..blank()
    };
    codings.chain([moved]).collect()
}

/// What the application gives.
fn uploads(stage: &Stage) -> Vec<Act> {
    let film = bytes_of(1_500_000, 400).to_vec();
    let upload = Act {
        name: "upload-film".to_owned(),
        lane: Lane::Api,
        at: Duration::from_millis(900),
        url: stage.api.url("/upload"),
        expect: Expect::Received(sha256_hex(&film)),
        ask: Ask::Upload(film),
        ..blank()
    };
    let form = Act {
        name: "send-form".to_owned(),
        lane: Lane::Api,
        at: Duration::from_millis(800),
        url: stage.api.url("/echo"),
        ask: Ask::Form,
        expect: Expect::Form,
        ..blank()
    };
    vec![upload, form]
}

/// What needs no network.
fn local(stage: &Stage) -> Vec<Act> {
    let icon = bytes_of(300, 500);
    let data = Act {
        name: "icon (data:)".to_owned(),
        lane: Lane::Other,
        url: format!("data:image/png;base64,{}", STANDARD.encode(&icon)),
        expect: Expect::Body(sha256_hex(&icon)),
        ..blank()
    };
    let file = Act {
        name: "note (file:)".to_owned(),
        lane: Lane::Other,
        url: url::Url::from_file_path(&stage.note).map(String::from).unwrap_or_default(),
        expect: Expect::Body(sha256_hex(&bytes_of(NOTE_LENGTH, NOTE_SEED))),
        ..blank()
    };
    vec![file, data]
}

/// What goes wrong, as it will.
fn troubles(stage: &Stage) -> Vec<Act> {
    let trouble = |name: &str, url: String, kind: ErrorKind| Act {
        name: name.to_owned(),
        lane: Lane::Other,
        at: Duration::from_millis(400),
        url,
        expect: Expect::Failure(kind),
        ..blank()
    };
    let refused = format!("http://127.0.0.1:{}/", stage.closed);
    let stalls = ErrorKind::Timeout(Phase::BetweenBytes);
    vec![
        trouble("printer (off)", refused, ErrorKind::ConnectionRefused),
        Act {
            ask: Ask::Hasty(Duration::from_millis(800)),
            ..trouble("radio (stalls)", stage.stalling.url("/"), stalls)
        },
        trouble("backup (cut off)", stage.cutting.url("/"), ErrorKind::Truncated),
    ]
}

fn download(origin: &str, length: u64, seed: u64) -> Act {
    Act {
        lane: Lane::Files,
        url: format!("{origin}/bytes/{length}?seed={seed}"),
        expect: Expect::Body(sha256_hex(&bytes_of(length, seed))),
        ..blank()
    }
}

fn blank() -> Act {
    Act {
        name: String::new(),
        lane: Lane::Other,
        priority: Priority::Normal,
        at: Duration::ZERO,
        url: String::new(),
        ask: Ask::Get,
        expect: Expect::Form,
    }
}
