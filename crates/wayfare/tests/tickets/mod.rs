//! A network whose tickets are text, so that tests see for whom and what they are.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // Each test file uses its own part.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use wayfare_net::gss::{Context, Failure, Purpose, Tickets};
use wayfare_net::network::{Asking, Network, System};
use wayfare_net::runtime::Home;
use wayfare_net::socket::{SocketOptions, Stream};
use wayfare_proto::policy::auth::negotiate::Made;

/// Tickets for `me`, who is logged in, and for `user` with the password `passwd`.
#[derive(Debug, Default)]
pub struct Wallet {
    /// `who for whom`, of each talk that was begun.
    begun: Mutex<Vec<String>>,
    /// Who was said to be with a password, right or wrong.
    tried: Mutex<Vec<String>>,
    is_empty: AtomicBool,
    silence: Mutex<Silence>,
    is_over: Condvar,
}

/// Whoever gives tickets does not answer.
#[derive(Debug, Default)]
struct Silence {
    lasts: bool,
    waiting: usize,
}

impl Wallet {
    /// From now on nobody is logged in.
    pub fn empty(&self) {
        self.is_empty.store(true, Ordering::SeqCst);
    }

    pub fn fill(&self) {
        self.is_empty.store(false, Ordering::SeqCst);
    }

    /// From now on nobody answers who is asked for a ticket.
    pub fn fall_silent(&self) {
        self.silence.lock().unwrap().lasts = true;
    }

    /// Whoever waits is answered.
    pub fn speak(&self) {
        self.silence.lock().unwrap().lasts = false;
        self.is_over.notify_all();
    }

    /// How many wait for an answer.
    pub fn waiting(&self) -> usize {
        self.silence.lock().unwrap().waiting
    }

    fn listen(&self) {
        let mut silence = self.silence.lock().unwrap();
        silence.waiting += 1;
        let mut silence = self.is_over.wait_while(silence, |silence| silence.lasts).unwrap();
        silence.waiting -= 1;
    }

    /// Whose passwords were tried since the last look.
    pub fn tried(&self) -> Vec<String> {
        std::mem::take(&mut self.tried.lock().unwrap())
    }

    /// What was begun since the last look.
    pub fn begun(&self) -> Vec<String> {
        std::mem::take(&mut self.begun.lock().unwrap())
    }
}

/// This machine's network, but for its tickets.
pub struct Ticketed(pub Arc<Wallet>);

/// The network, and its wallet.
pub fn ticketed() -> (Arc<dyn Network>, Arc<Wallet>) {
    let wallet = Arc::<Wallet>::default();
    (Arc::new(Ticketed(wallet.clone())), wallet)
}

#[derive(Debug)]
struct Shared(Arc<Wallet>);

impl Tickets for Shared {
    fn begin(&self, purpose: &Purpose) -> Result<Box<dyn Context>, Failure> {
        self.0.listen();
        if !purpose.credentials.is_ambient() {
            self.0.tried.lock().unwrap().push(purpose.credentials.user().to_owned());
        }
        let who = match &purpose.credentials {
            ambient if ambient.is_ambient() => "me",
            named if named.user() == "user" && named.password() == "passwd" => "user",
            _ => return Err(Failure::Credentials("the password is wrong".into())),
        };
        if self.0.is_empty.load(Ordering::SeqCst) {
            return Err(Failure::Credentials("nobody is logged in".into()));
        }
        let bound = if purpose.binding.is_some() { " bound" } else { "" };
        let ticket = format!("{who} for {}{bound}", purpose.host);
        self.0.begun.lock().unwrap().push(ticket.clone());
        Ok(Box::new(Talk(format!("ticket {ticket}"))))
    }
}

struct Talk(String);

impl Context for Talk {
    fn step(&mut self, token: Option<&[u8]>) -> Result<Made, Failure> {
        match token {
            None => Ok(Made::Incomplete(self.0.clone().into_bytes())),
            Some(b"more") => Ok(Made::Incomplete(b"more".to_vec())),
            Some(b"proof") => Ok(Made::Complete(Vec::new())),
            Some(_) => Err(Failure::Credentials("the token proves nothing".into())),
        }
    }
}

impl Network for Ticketed {
    fn resolve<'a>(&'a self, home: &'a Home, name: &'a str) -> Asking<'a, io::Result<Vec<IpAddr>>> {
        System.resolve(home, name)
    }

    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(Shared(self.0.clone()))
    }

    fn connect<'a>(
        &'a self,
        home: &'a Home,
        address: SocketAddr,
        options: &'a SocketOptions,
    ) -> Asking<'a, io::Result<Box<dyn Stream>>> {
        System.connect(home, address, options)
    }
}
