//! The kinds of work.

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    SmallH1,
    SmallH2,
    Blocking,
    BigH1,
    BigTls,
    BigH2,
    First,
    InFlight,
}

impl Work {
    pub const ALL: [Self; 8] = [
        Self::SmallH1,
        Self::SmallH2,
        Self::Blocking,
        Self::BigH1,
        Self::BigTls,
        Self::BigH2,
        Self::First,
        Self::InFlight,
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::SmallH1 => "small-h1",
            Self::SmallH2 => "small-h2",
            Self::Blocking => "blocking",
            Self::BigH1 => "big-h1",
            Self::BigTls => "big-tls",
            Self::BigH2 => "big-h2",
            Self::First => "first",
            Self::InFlight => "in-flight",
        }
    }

    pub fn what(self) -> &'static str {
        match self {
            Self::SmallH1 => "GET of 1 KiB over kept-alive HTTP/1.1, 6 at a time",
            Self::SmallH2 => "GET of 1 KiB over HTTP/2 with TLS, 100 in flight",
            Self::Blocking => "blocking GETs of 1 KiB, one after another, HTTP/1.1",
            Self::BigH1 => "one body of 1 GiB over HTTP/1.1",
            Self::BigTls => "one body of 1 GiB over HTTP/1.1 with TLS",
            Self::BigH2 => "one body of 1 GiB over HTTP/2 with TLS",
            Self::First => "the first GET of 1 KiB in a fresh process, with TLS",
            Self::InFlight => "10,000 GETs in flight over HTTP/2 with TLS: look at the peak memory",
        }
    }

    pub fn peers(self) -> &'static [&'static str] {
        match self {
            Self::SmallH1 => &["wayfare", "hyper", "reqwest", "curl"],
            Self::SmallH2 => &["wayfare", "hyper", "reqwest", "curl"],
            Self::Blocking => &["wayfare-blocking", "ureq", "curl"],
            Self::BigH1 | Self::BigTls => {
                &["wayfare", "wayfare-blocking", "hyper", "reqwest", "ureq", "curl"]
            }
            Self::BigH2 => {
                &["wayfare", "wayfare-ahead", "wayfare-blocking", "hyper", "reqwest", "curl"]
            }
            Self::First => &["wayfare", "wayfare-blocking", "reqwest", "ureq", "curl"],
            Self::InFlight => &["wayfare", "hyper", "reqwest"],
        }
    }

    /// Exchanges in one measurement.
    pub fn count(self) -> usize {
        match self {
            Self::SmallH1 | Self::SmallH2 => 40_000,
            Self::Blocking => 20_000,
            Self::InFlight => 10_000,
            Self::BigH1 | Self::BigTls | Self::BigH2 | Self::First => 1,
        }
    }

    pub fn at_a_time(self) -> usize {
        match self {
            Self::SmallH1 => 6,
            Self::SmallH2 => 100,
            Self::InFlight => 10_000,
            _ => 1,
        }
    }

    pub fn rounds(self) -> usize {
        match self {
            Self::First => 9,
            Self::InFlight => 1,
            _ => 5,
        }
    }

    pub fn is_tls(self) -> bool {
        !matches!(self, Self::SmallH1 | Self::Blocking | Self::BigH1)
    }

    pub fn is_http2(self) -> bool {
        matches!(self, Self::SmallH2 | Self::BigH2 | Self::InFlight)
    }

    /// The path of a small body.
    pub const SMALL: &str = "/small";

    pub fn path(self) -> &'static str {
        match self {
            Self::BigH1 | Self::BigTls | Self::BigH2 => "/big",
            Self::InFlight => "/hold",
            _ => Self::SMALL,
        }
    }

    pub fn is_big(self) -> bool {
        self.path() == "/big"
    }

    /// Bytes of one body.
    pub fn length(self) -> u64 {
        if self.is_big() { 1 << 30 } else { 1024 }
    }
}
