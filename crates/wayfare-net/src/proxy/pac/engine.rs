//! One script in its engine: what it may call, and how long and large it may become.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::context::EvalOptions;
use rquickjs::{CatchResultExt, Context, Ctx, Function, Object, Runtime, Value};
use wayfare_proto::address::subnet::Subnet;

use crate::clock::now;

/// What a script can learn of the world.
pub trait World {
    /// The addresses of a name, within so much time; none if there are none or it took longer.
    fn resolve(&self, name: &str, patience: Duration) -> Vec<IpAddr>;

    /// The addresses of this machine, the best first.
    fn own_addresses(&self) -> Vec<IpAddr>;

    /// The time, in milliseconds since 1970.
    fn milliseconds(&self) -> f64;
}

/// Why a script gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptFault {
    /// The engine could not be set up.
    Engine(String),
    /// It answered with something that is no text.
    NoText,
    /// It defines no function `FindProxyForURL`.
    NoFunction,
    /// It took longer than a second.
    Slow,
    /// It threw this, or is not JavaScript.
    Threw(String),
    /// It is larger than 1 MiB.
    TooLarge,
}

impl fmt::Display for ScriptFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(why) => write!(f, "the script engine cannot be set up: {why}"),
            Self::NoText => f.write_str("FindProxyForURL answered with something that is no text"),
            Self::NoFunction => f.write_str("the script defines no function FindProxyForURL"),
            Self::Slow => f.write_str("the script took longer than a second and was stopped"),
            Self::Threw(what) => write!(f, "the script failed: {what}"),
            Self::TooLarge => f.write_str("the script is larger than 1 MiB"),
        }
    }
}

impl std::error::Error for ScriptFault {}

/// A script that was read, with its variables.
///
/// It stays on one thread, and is of no more use after [`ScriptFault::Slow`] or a lack of memory.
pub struct Engine {
    context: Context,
    _runtime: Runtime,
    limits: Rc<Limits>,
}

/// What one run may still use.
struct Limits {
    until: Cell<Option<Instant>>,
    /// The names looked up in this run.
    found: RefCell<HashMap<String, Vec<String>>>,
}

impl Engine {
    /// Reads a script and runs what stands outside of its functions.
    ///
    /// # Errors
    /// A [`ScriptFault`] where it cannot be used.
    pub fn new(script: &str, world: &Rc<dyn World>) -> Result<Self, ScriptFault> {
        if script.len() > MOST_SCRIPT {
            return Err(ScriptFault::TooLarge);
        }
        let engine = |why: rquickjs::Error| ScriptFault::Engine(why.to_string());
        let runtime = Runtime::new().map_err(engine)?;
        runtime.set_memory_limit(MOST_MEMORY);
        runtime.set_max_stack_size(MOST_STACK);
        let limits = Rc::new(Limits { until: Cell::new(None), found: RefCell::default() });
        let watched = limits.clone();
        let is_over = move || watched.until.get().is_some_and(|until| now() >= until);
        runtime.set_interrupt_handler(Some(Box::new(is_over)));
        let context = Context::full(&runtime).map_err(engine)?;
        let made = Self { context, _runtime: runtime, limits };
        made.limited(|ctx| {
            lend(ctx, world, &made.limits).map_err(engine)?;
            // A mark of order that editors leave at the front is no part of it.
            let script = script.strip_prefix('\u{feff}').unwrap_or(script);
            // Scripts were written for browsers: variables may be made by being named.
            let mut options = EvalOptions::default();
            options.strict = false;
            made.told(ctx, ctx.eval_with_options::<Value<'_>, _>(script, options)).map(drop)
        })?;
        Ok(made)
    }

    /// Asks for the way to `url` on `host`.
    ///
    /// # Errors
    /// A [`ScriptFault`] where it gives no answer.
    pub fn find(&self, url: &str, host: &str) -> Result<String, ScriptFault> {
        self.limited(|ctx| {
            let named =
                |name: &str| ctx.globals().get::<_, Option<Function<'_>>>(name).ok().flatten();
            let function = named("FindProxyForURL").or_else(|| named("FindProxyForURLEx"));
            let function = function.ok_or(ScriptFault::NoFunction)?;
            let answer: Value<'_> = self.told(ctx, function.call((url, host)))?;
            match answer.as_string() {
                Some(text) => text.to_string().map_err(|_| ScriptFault::NoText),
                None if answer.is_null() || answer.is_undefined() => Ok(String::new()),
                None => Err(ScriptFault::NoText),
            }
        })
    }

    /// Does something with the script within its time.
    fn limited<T>(
        &self,
        work: impl FnOnce(&Ctx<'_>) -> Result<T, ScriptFault>,
    ) -> Result<T, ScriptFault> {
        self.limits.found.borrow_mut().clear();
        self.limits.until.set(now().checked_add(MOST_TIME));
        let done = self.context.with(|ctx| work(&ctx));
        let is_over = self.limits.left().is_zero();
        self.limits.until.set(None);
        match done {
            Err(_) if is_over => Err(ScriptFault::Slow),
            done => done,
        }
    }

    fn told<'js, T>(&self, ctx: &Ctx<'js>, done: rquickjs::Result<T>) -> Result<T, ScriptFault> {
        done.catch(ctx).map_err(|caught| {
            let text = caught.to_string();
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            ScriptFault::Threw(line.chars().take(MOST_MESSAGE).collect())
        })
    }
}

impl Limits {
    fn left(&self) -> Duration {
        let until = self.until.get();
        until.map_or(MOST_TIME, |until| until.saturating_duration_since(now()))
    }

    /// The addresses of a name, each looked up once per run.
    fn resolve(&self, name: &str, world: &dyn World) -> Vec<String> {
        if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
            return vec![address.to_string()];
        }
        if let Some(known) = self.found.borrow().get(name) {
            return known.clone();
        }
        if name.is_empty() || name.len() > 255 || self.found.borrow().len() >= MOST_NAMES {
            return Vec::new();
        }
        // A script whose time is over is stopped soon, but not before it could ask many times more.
        let left = self.left();
        if left.is_zero() {
            return Vec::new();
        }
        let found = world.resolve(name, left);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        self.found.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }
}

/// Gives the script what it may call.
fn lend(ctx: &Ctx<'_>, world: &Rc<dyn World>, limits: &Rc<Limits>) -> rquickjs::Result<()> {
    let host = Object::new(ctx.clone())?;
    let (own, named, clock) = (world.clone(), world.clone(), world.clone());
    let limits = limits.clone();
    let resolve = move |name: String| limits.resolve(&name, &*named);
    host.set("resolve", Function::new(ctx.clone(), resolve)?)?;
    let own =
        move || -> Vec<String> { own.own_addresses().iter().map(ToString::to_string).collect() };
    host.set("own", Function::new(ctx.clone(), own)?)?;
    let inside = |address: String, prefix: String| u8::from(is_inside(&address, &prefix));
    host.set("inside", Function::new(ctx.clone(), inside)?)?;
    host.set("sorted", Function::new(ctx.clone(), |list: String| sorted(&list))?)?;
    host.set("now", Function::new(ctx.clone(), move || clock.milliseconds())?)?;
    let install: Function<'_> = ctx.eval(HELPERS)?;
    install.call((ctx.globals(), host))
}

fn is_inside(address: &str, prefix: &str) -> bool {
    let Ok(address) = address.trim_matches(['[', ']']).parse::<IpAddr>() else { return false };
    prefix.contains('/') && prefix.parse::<Subnet>().is_ok_and(|subnet| subnet.contains(address))
}

/// The addresses of a list in order, IPv6 first; nothing if one of them is none.
fn sorted(list: &str) -> String {
    let read: Result<Vec<IpAddr>, _> =
        list.split(';').map(|text| text.trim().parse::<IpAddr>()).collect();
    let Ok(mut read) = read else { return String::new() };
    read.sort_by_key(|address| (address.is_ipv4(), *address));
    read.iter().map(ToString::to_string).collect::<Vec<_>>().join(";")
}

const HELPERS: &str = include_str!("helpers.js");
const MOST_SCRIPT: usize = 1024 * 1024;
const MOST_MEMORY: usize = 16 * 1024 * 1024;
const MOST_STACK: usize = 512 * 1024;
const MOST_TIME: Duration = Duration::from_secs(1);
const MOST_NAMES: usize = 100;
const MOST_MESSAGE: usize = 300;
