//! Connections that are proven to be somebody's (NTLM): the messages of one talk, over one
//! connection.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};
use wayfare_proto::certificate::Certificate;
use wayfare_proto::policy::auth::{Asker, Scheme, ntlm};
use wayfare_proto::syntax::stamp::Stamp;

use super::access::Heard;
use super::{Again, Transfer};
use crate::body::incoming::{Content, Piece};
use crate::body::random;
use crate::error::{Error, ErrorKind, Stage};
use crate::protocol::http::proving::Proving;
use crate::protocol::{Answer, ContentOrBody};
use crate::queue::Owner;

/// A talk that proves a connection.
pub(super) struct Talk {
    pub(super) proving: Arc<Proving>,
    owner: Owner,
    hello: Vec<u8>,
    stage: TalkStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TalkStage {
    /// The proof was said.
    Answered,
    /// The greeting was, or will be, said on a connection that is not proven yet.
    Greeted,
}

impl Talk {
    fn new(owner: Owner) -> Self {
        let hello = ntlm::hello();
        let proving = Proving::new(Asker::Origin, ntlm::field(&hello));
        Self { proving, owner, hello, stage: TalkStage::Greeted }
    }

    /// What was refused, if the proof was said already.
    pub(super) fn refused(self) -> Option<Heard> {
        let Owner { scheme, credentials } = self.owner;
        let heard = Heard { scheme, realm: None, credentials };
        (self.stage == TalkStage::Answered).then_some(heard)
    }
}

impl Transfer {
    /// Goes on in the lane whose connections are `owner`'s.
    pub(super) fn own_connection(&mut self, owner: Owner) {
        let Some(key) = self.key.take() else { return };
        self.key = Some(Arc::new(key.owned_by(owner.clone())));
        self.journey().said.talk = Some(Box::new(Talk::new(owner)));
    }

    /// Does so from the start, where it is known that connections are to be proven.
    pub(super) fn own_connection_as_known(&mut self) {
        if !self.shared.access.is_used() {
            return;
        }
        let owner = self.place().and_then(|place| self.shared.access.owner(&place));
        if let Some(owner) = owner {
            self.own_connection(owner);
        }
    }

    /// True if the server was greeted, and its question is to be answered.
    pub(super) fn is_greeting(&self) -> bool {
        let talk = self.journey.as_ref().and_then(|journey| journey.said.talk.as_ref());
        talk.is_some_and(|talk| talk.stage == TalkStage::Greeted)
    }

    /// Answers the server's question on the connection it came over.
    pub(super) async fn go_on(&mut self, token: &str, answer: &mut Answer) -> Result<Again, Error> {
        drain(&self.home.clone(), &mut answer.content).await;
        let certificate = answer.connection.tls.as_ref().and_then(|tls| tls.certificates.first());
        let certificate = certificate.and_then(|der| Certificate::from_der(der).ok());
        let binding = certificate.and_then(|certificate| certificate.end_point_hash());
        let service = format!("HTTP/{}", self.url.host_str().unwrap_or_default());
        let random = random::bytes();
        let around = ntlm::Circumstances {
            challenge: std::array::from_fn(|at| random[at]),
            now: Stamp::from(SystemTime::now()),
            service: &service,
            binding: binding.as_deref(),
        };
        let Some(talk) = &mut self.journey().said.talk else {
            return Ok(Again::Resend("the server wanted to know who is asking"));
        };
        debug_assert_eq!(talk.owner.scheme, Scheme::Ntlm);
        let proof = ntlm::Question::read_token(token)
            .and_then(|asked| ntlm::proof(&talk.hello, &asked, &talk.owner.credentials, &around));
        let proof = proof.map_err(|fault| {
            let kind = match fault {
                ntlm::Fault::Credentials => ErrorKind::InvalidRequest,
                _ => ErrorKind::Protocol,
            };
            Error::new(kind, Stage::Receive, fault.to_string()).because(fault)
        })?;
        if talk.proving.go_on(ntlm::field(&proof)) {
            talk.stage = TalkStage::Answered;
            return Ok(Again::Resend("the server asked for a proof"));
        }
        // The server has ended the connection in the middle of the talk: from the start, on another.
        let owner = talk.owner.clone();
        **talk = Talk::new(owner);
        self.journey().said.add_round();
        Ok(Again::Resend("the connection was lost before it was proven"))
    }
}

/// Reads what is left of an answer that nobody wants, so that its connection can be used.
pub(super) async fn drain(home: &Home, content: &mut ContentOrBody) {
    let ContentOrBody::Content(Content::Wire(wire)) = content else { return };
    let mut timer = Timer::new(home.clone());
    let (deadline, mut left) = (now() + DRAIN_WAIT, DRAIN_MOST);
    std::future::poll_fn(|cx| {
        while let std::task::Poll::Ready(piece) = wire.poll_piece(cx) {
            match piece {
                Ok(Piece::Data(data)) if data.len() <= left => left -= data.len(),
                // What is too long, or broken, costs the connection.
                _ => return std::task::Poll::Ready(()),
            }
        }
        timer.poll_until(deadline, cx)
    })
    .await;
}

const DRAIN_WAIT: Duration = Duration::from_secs(5);
const DRAIN_MOST: usize = 256 * 1024;
