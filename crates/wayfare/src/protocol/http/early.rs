//! Early data: the head of a request that leaves together with the handshake (RFC 8470).

use bytes::BytesMut;
use http::Method;
use url::Url;
use wayfare_proto::wire::http1::request::{Opening, Sending, write_head};

use super::{Surroundings, authority, target};
use crate::protocol::{Fields, Planned};

/// When a request leaves for which a handshake has to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flight {
    /// Together with it, if there is a session that allows it.
    Early,
    /// After it.
    Later,
}

/// A request without a body that may leave together with a handshake.
#[derive(Clone, Copy)]
pub(super) struct Early<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    pub(super) fields: &'a Fields,
}

impl<'a> Early<'a> {
    pub(super) fn of(planned: &'a Planned, around: &Surroundings<'_>) -> Option<Self> {
        let Planned { method, url, fields, .. } = planned;
        (around.flight == Flight::Early).then_some(Self { method, url, fields })
    }

    /// It as it is written on an HTTP/1.1 connection to its origin.
    pub(super) fn written(self) -> Option<BytesMut> {
        let mut output = BytesMut::new();
        let (target, host) = (target(self.url), authority(self.url));
        let nothing = Sending::Nothing;
        // What cannot be written is told by the exchange, which tries the same.
        let opening = self.fields.following(Opening::new(self.method, target, host));
        write_head(&mut output, opening, self.fields.unwritten(), nothing).ok()?;
        Some(output)
    }
}
