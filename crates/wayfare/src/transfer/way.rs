//! Before: which way to go, and what is done when a way fails.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderName, StatusCode};
use wayfare_net::clock::now;
use wayfare_net::dial::Blame;
use wayfare_proto::address::origin::Origin;
use wayfare_proto::policy::auth::telling::Telling;
use wayfare_proto::policy::auth::{Offer, Scheme};
use wayfare_proto::route::proxy::{Chain, Proxy};
use wayfare_proto::syntax::challenge::Challenge;
use wayfare_proto::syntax::credentials::Credentials;
use wayfare_proto::trace::event::What;
use wayfare_proto::wire::tunnel;

use super::forwarder::{ASKED, unspoken};
use super::judge::Verdict;
use super::logins::may_hear;
use super::{Again, Question, Transfer};
use crate::delegate::ProxyQuestion;
use crate::error::{Error, ErrorKind, ProxyProblem, ProxyTrouble, Stage};
use crate::protocol::Answer;
use crate::proxies::{News, Ways};

/// A proxy that wants to know who is asking, and the error if nobody says.
pub(crate) struct Challenged {
    proxy: Proxy,
    challenges: Vec<Challenge>,
    /// The answer itself, of a proxy that was given the request.
    answer: Option<Box<Answer>>,
    error: Error,
}

/// The choice of a way, most often made already.
pub(super) enum Choosing<'a> {
    Asking(Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>),
    /// Until it was told.
    Done(Option<Result<(), Error>>),
}

impl Future for Choosing<'_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Asking(asking) => asking.as_mut().poll(cx),
            Self::Done(chosen) => Poll::Ready(chosen.take().unwrap_or(Ok(()))),
        }
    }
}

impl Transfer {
    /// Chooses the way, unless it is chosen already. What needs no connection needs no way.
    ///
    /// Small, so that a transfer that waits for its turn stays small.
    pub(super) fn choose(&mut self) -> Choosing<'_> {
        if self.key.is_some() || !Origin::has(&self.url) {
            return Choosing::Done(Some(Ok(())));
        }
        self.stage = Stage::Plan;
        let proxies = self.shared.proxies(&self.options);
        match proxies.at_once(&self.url) {
            Some(known) => Choosing::Done(Some(known.map(|ways| self.take(ways)))),
            None => Choosing::Asking(Box::pin(async move {
                let ways = proxies.choose(&self.url).await?;
                self.take(ways);
                Ok(())
            })),
        }
    }

    fn take(&mut self, ways: Ways) {
        let Ways { first, others, rule, news } = self.shared.sorted(ways);
        // The direct way is what everybody expects, and very many may wait with their events.
        if news == News::Told {
            self.emit(|| What::Routed { route: first.to_string(), rule: rule.into_owned() });
        }
        if !others.is_empty() || self.journey.is_some() {
            self.journey().other_ways = others;
        }
        self.take_way(first);
    }

    fn take_way(&mut self, way: Chain) {
        let way = self.shared.logins.remembered(way, &self.options.auth.ambient);
        self.go_by(&way);
    }

    /// True if a proxy is given the request itself, and may have to be told who is asking.
    pub(super) fn tells_forwarder(&self) -> bool {
        let forwarder = self.key.as_ref().and_then(|key| key.forwarder());
        forwarder.is_some_and(|proxy| proxy.credentials().is_some())
    }

    /// What a failure at a proxy means.
    pub(super) fn judge_way(&mut self, error: Error) -> Result<Verdict, Error> {
        let Some(trouble) = error.proxy_trouble() else { return Err(error) };
        if let Some(challenges) = &trouble.challenges {
            let (proxy, challenges) = (trouble.proxy.clone(), challenges.clone());
            return Ok(Verdict::Ask(Question::Login(Box::new(Challenged {
                proxy,
                challenges,
                answer: None,
                error,
            }))));
        }
        match trouble.blame {
            Blame::Proxy => self.shared.bad_proxies().handle_failure(&trouble.proxy, now()),
            Blame::Way => {}
            Blame::Request => return Err(error),
        }
        if self.journey.as_ref().is_none_or(|journey| journey.other_ways.is_empty()) {
            return Err(error);
        }
        self.emit(|| What::WayFailed { message: error.message().to_owned() });
        Ok(Verdict::Again(Again::OtherWay))
    }

    /// Takes the next way of the list.
    pub(super) fn take_other_way(&mut self) {
        let others = &mut self.journey().other_ways;
        if others.is_empty() {
            return;
        }
        let way = others.remove(0);
        self.journey().left_first_way = true;
        self.emit(|| What::Routed { route: way.to_string(), rule: "the next of the list".into() });
        self.take_way(way);
    }

    /// What a 407 means: only from a proxy that was given the request is it the proxy's.
    /// Gives any other answer back.
    pub(super) fn judge_challenge(
        &mut self,
        mut answer: Box<Answer>,
    ) -> Result<Challenged, Box<Answer>> {
        let proxy = match self.key.as_ref().and_then(|key| key.forwarder()) {
            Some(proxy) if answer.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                proxy.clone().without_credentials()
            }
            _ => return Err(answer),
        };
        if let Some(untouched) = answer.untouched.take() {
            self.body = untouched;
        }
        let challenges = tunnel::challenges(&answer.headers);
        let message = format!("the proxy {proxy}: it wants a user name and a password (407)");
        let kind = ErrorKind::Proxy(ProxyProblem::Authentication);
        let trouble =
            ProxyTrouble { proxy: proxy.clone(), blame: Blame::Request, challenges: None };
        let error = Error::new(kind, Stage::Receive, message).at_proxy(trouble);
        Ok(Challenged { proxy, challenges, answer: Some(answer), error })
    }

    /// Finds out what to say to a proxy that asks.
    pub(super) async fn login(&mut self, challenged: Challenged) -> Result<Again, Error> {
        let Challenged { proxy, challenges, mut answer, error } = challenged;
        let way = self.key.as_ref().map_or(Chain::DIRECT, |key| key.footing.way.clone());
        let asking = way.proxies().iter().find(|known| known.is_same_place(&proxy));
        let heard = asking.and_then(Proxy::credentials);
        let offers = self.proxy_offers(asking.unwrap_or(&proxy), &challenges);
        if !proxy.kind().is_socks() {
            let taken = self.asking(asking.unwrap_or(&proxy)).offers(&challenges);
            let Some(offer) = taken.first().or(offers.first()) else {
                return Err(no_way_to_say(error, &challenges));
            };
            self.emit(|| What::AuthenticationRequired {
                realm: offer.realm().map(str::to_owned),
                scheme: offer.scheme(),
            });
        }
        if let Some(answer) = &mut answer {
            self.may_say_again()?;
            match self.answer_forwarder(&challenges, answer).await {
                Ok(Some(again)) => {
                    self.go_by(&way);
                    return Ok(again);
                }
                Ok(None) => {}
                Err(why) => return Err(unspoken(error, &why, &challenges)),
            }
        }
        let Some(credentials) = self.find_login(&proxy, &offers, heard).await else {
            return Err(error);
        };
        self.may_say_again()?;
        let told = way.proxies().iter().map(|known| match known.is_same_place(&proxy) {
            true => known.clone().with_credentials(credentials.clone()),
            false => known.clone(),
        });
        let told = Chain::through(told.collect());
        // What it asked for is known, so it need not ask again.
        if let Some(known) = told.proxies().iter().find(|known| known.is_same_place(&proxy))
            && !proxy.kind().is_socks()
        {
            let access = self.shared.memories.proxies();
            match self.asking(known).offers(&challenges).first().map(Offer::scheme) {
                Some(Scheme::Negotiate) if credentials.is_ambient() => access.take_tickets(known),
                // Whether there is a ticket is not known yet.
                Some(Scheme::Negotiate) => {}
                _ => {
                    let telling = &mut Telling::default();
                    access.handle_refusal(telling, &self.asking(known), &challenges);
                }
            }
        }
        self.go_by(&told);
        self.journey().said.forwarder = None;
        Ok(Again::Resend(ASKED))
    }

    /// Who to be for a proxy that did not accept what it `heard`.
    async fn find_login(
        &mut self,
        proxy: &Proxy,
        offers: &[Offer],
        heard: Option<&Credentials>,
    ) -> Option<Credentials> {
        self.logins += 1;
        if self.logins > LOGINS {
            return None;
        }
        let logins = &self.shared.logins;
        let may_be_told = may_hear(proxy, &self.options.auth.ambient)
            && offers.iter().any(Offer::is_negotiate)
            && !proxy.kind().is_socks();
        if heard.map_or(may_be_told, Credentials::is_ambient)
            && let Some(ambient) = logins.ambient(proxy, heard).await
        {
            return Some(ambient);
        }
        // A person is asked for what is sure to be of use, though a ticket is tried before it.
        let sure = offers.iter().find(|offer| !offer.is_negotiate());
        let takes_passwords = self.options.auth.schemes.single() == Some(Scheme::Negotiate);
        if sure.is_none() && !offers.is_empty() && !takes_passwords {
            return None;
        }
        let question = ProxyQuestion::new(proxy.clone(), sure.or(offers.first()));
        logins.answer(&*self.shared.delegate, &question, heard).await
    }

    /// What a proxy may be told in, the strongest first. Where whoever is logged in was not let in, or
    /// has no ticket, somebody with a password is left.
    fn proxy_offers(&self, proxy: &Proxy, challenges: &[Challenge]) -> Vec<Offer> {
        if !proxy.credentials().is_some_and(Credentials::is_ambient) {
            return self.asking(proxy).offers(challenges);
        }
        let bare = proxy.clone().without_credentials();
        let mut offers = self.asking(&bare).offers(challenges);
        if offers.len() > 1 {
            offers.retain(|offer| !offer.is_negotiate());
        }
        offers
    }

    /// Who is asking is said with the request once more, which needs its body.
    fn may_say_again(&self) -> Result<(), Error> {
        if self.body.is_sendable() {
            return Ok(());
        }
        let message = "the proxy asked who is asking, and the body can be read only once";
        Err(Error::new(ErrorKind::BodyNotReplayable, Stage::Plan, message))
    }
}

/// The error of a proxy that takes nothing which may be said, or can be of these credentials.
pub(super) fn no_way_to_say(error: Error, challenges: &[Challenge]) -> Error {
    let schemes: Vec<_> = challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
    let wants =
        if schemes.is_empty() { "nothing that is known".into() } else { schemes.join(", ") };
    let message = format!(
        "{}; it takes {wants}, and nothing of that may be said, or can be: Basic has no way to \
         say a user name with a colon, and for Negotiate a password is used only where nothing \
         else is allowed",
        error.message()
    );
    error.with_message(message)
}

/// A proxy that names another realm each time is not answered for ever.
const LOGINS: u8 = 3;

pub(super) const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
