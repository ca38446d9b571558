//! Before: what to send.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use wayfare_proto::policy::redirect::{self, Border};
use wayfare_proto::wire::coding::ACCEPT_ENCODING;

use super::{Expectation, Transfer};
use crate::error::Error;
use crate::options::Decoding;
use crate::protocol::{Extra, Fields, Planned};

impl Transfer {
    /// The request as it goes out now. Boxed, because it is handed on several times.
    pub(super) fn plan(&mut self) -> Result<Box<Planned>, Error> {
        let cookies = self.cookie_field();
        let fields = match self.goes_as_default() {
            true => {
                let (options, who) = (self.options.clone(), self.introduction());
                let written = self.shared.written(&options);
                Fields::Beside { options, written, extra: Extra { cookies, who } }
            }
            false => Fields::Own(self.fields(cookies)),
        };
        let body = self.body.take_for_sending();
        self.emitter().timeline.begin_attempt();
        let (method, url) = (self.method.clone(), self.url.clone());
        Ok(Box::new(Planned { method, url, fields, body }))
    }

    /// True if the manager's fields are all there is to send, unchanged, but for what is made for
    /// each request.
    fn goes_as_default(&self) -> bool {
        self.headers.is_empty()
            && self.border == Border::Kept
            && self.expectation == Expectation::AsAsked
            && self.body.media_type().is_none()
            && self.asks_for_codings()
            && !self.tells_forwarder()
            && self.shared.sends_unchanged(&self.options)
    }

    fn fields(&mut self, cookies: Option<HeaderValue>) -> HeaderMap {
        let mut headers = self.with_defaults();
        if let Some(cookies) = cookies {
            headers.insert(header::COOKIE, cookies);
        }
        if !headers.contains_key(header::CONTENT_TYPE)
            && let Some(media_type) = self.body.media_type()
        {
            headers.insert(header::CONTENT_TYPE, media_type.clone());
        }
        if !self.asks_for_codings() && !self.headers.contains_key(header::ACCEPT_ENCODING) {
            headers.remove(header::ACCEPT_ENCODING);
        } else if !headers.contains_key(header::ACCEPT_ENCODING) {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPT_ENCODING));
        }
        if self.expectation == Expectation::GivenUp {
            headers.remove(header::EXPECT);
        }
        if let Some(who) = self.introduction() {
            headers.insert(header::AUTHORIZATION, who);
        }
        self.address_proxy(&mut headers);
        headers
    }

    /// The manager's fields, each replaced by the request's own of that name.
    fn with_defaults(&self) -> HeaderMap {
        let defaults = &self.options.headers.0;
        if self.headers.is_empty() && self.border == Border::Kept {
            return defaults.clone();
        }
        let mut headers = HeaderMap::with_capacity(self.headers.len() + defaults.len() + 3);
        for (name, value) in defaults {
            if !self.headers.contains_key(name) && !self.stays_behind(name) {
                headers.append(name, value.clone());
            }
        }
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        headers
    }

    /// True if the manager's field of this name goes along, for all that this knows.
    pub(super) fn sends_default(&self, name: &HeaderName) -> bool {
        self.options.headers.0.contains_key(name) && !self.stays_behind(name)
    }

    /// True for the manager's secrets once the chain of redirects has left the first origin.
    fn stays_behind(&self, name: &HeaderName) -> bool {
        self.border == Border::Crossed
            && redirect::is_secret(name, &self.options.redirects.secret_fields)
    }

    /// A part of an encoded body cannot be decoded, so a range is asked for as it is.
    fn asks_for_codings(&self) -> bool {
        self.options.bodies.decoding == Decoding::Automatic
            && self.key.is_some()
            && !self.headers.contains_key(header::ACCEPT_ENCODING)
            && !self.headers.contains_key(header::RANGE)
    }

    /// True if an answer's content codings are to be undone.
    pub(super) fn undoes_codings(&self) -> bool {
        self.asks_for_codings()
    }
}
