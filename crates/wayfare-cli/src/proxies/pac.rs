//! Scripts that choose proxies: where they come from, and the operation that tries one.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use wayfare::Error;
use wayfare::options::Proxies;
use wayfare::proxy::{Pac, PacEngine, PacWorld};
use wayfare::url::Url;

use super::Unusable;
use crate::exit;

/// The proxies that a script names, which is a file or fetched without a proxy.
pub(super) fn by_script(place: &str) -> Result<Proxies, Unusable> {
    if let Some(path) = place.parse().ok().as_ref().and_then(local_file) {
        return by_text(place, &read(&path)?);
    }
    if place.contains("://") {
        let unusable = |error: Error| Unusable { code: exit::code(&error), why: error.to_string() };
        return Proxies::pac_url(place).map_err(unusable);
    }
    match place {
        "-" => by_text("standard input", &taken("standard input", std::io::stdin().lock())?),
        path => by_text(place, &read(Path::new(path))?),
    }
}

fn by_text(place: &str, text: &str) -> Result<Proxies, Unusable> {
    match Pac::new(text) {
        Ok(pac) => Ok(Proxies::factory(pac)),
        Err(why) => Err(Unusable { code: 97, why: format!("{place}: {why}") }),
    }
}

/// The path of a `file:` URL.
fn local_file(url: &Url) -> Option<PathBuf> {
    url.to_file_path().ok().filter(|_| url.scheme() == "file")
}

/// The proxies that the network's script names.
pub(super) fn of_network() -> Result<Proxies, Unusable> {
    Ok(Proxies::wpad())
}

fn read(path: &Path) -> Result<String, Unusable> {
    let shown = path.display().to_string();
    let opened = std::fs::File::open(path).map_err(|why| unreadable(&shown, &why))?;
    taken(&shown, opened)
}

/// A script as far as it may be long, and one byte more, which tells that it is too long.
fn taken(from: &str, source: impl std::io::Read) -> Result<String, Unusable> {
    let mut bytes = Vec::new();
    let read = source.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|why| unreadable(from, &why))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unreadable(from: &str, why: &std::io::Error) -> Unusable {
    Unusable { code: exit::READ, why: format!("cannot read {from}: {why}") }
}

/// The operations of `wayfare drive` that need scripts.
pub(crate) const OPS: &[&str] = &["pac_eval"];

/// Runs a script in a world that is given with it, and tells its answer or what is wrong with it.
pub(crate) fn evaluate(asked: &Value) -> Result<Value, String> {
    let text = |name: &str| asked[name].as_str().unwrap_or_default();
    let world: Rc<dyn PacWorld> = Rc::new(Told::of(asked));
    let engine = PacEngine::new(text("script"), &world).map_err(|fault| fault.to_string())?;
    let result = engine.find(text("url"), text("host")).map_err(|fault| fault.to_string())?;
    Ok(json!({"result": result}))
}

/// A world as an operation describes it.
struct Told {
    own: Vec<IpAddr>,
    names: Value,
    milliseconds: Option<f64>,
}

impl Told {
    fn of(asked: &Value) -> Self {
        let mut own = addresses(&asked["my_ip"]);
        for address in addresses(&asked["my_ips_ex"]) {
            if !own.contains(&address) {
                own.push(address);
            }
        }
        let milliseconds = asked["now"].as_f64().map(|seconds| seconds * 1000.0);
        Self { own, names: asked["dns"].clone(), milliseconds }
    }
}

impl PacWorld for Told {
    fn resolve(&self, name: &str, _: Duration) -> Vec<IpAddr> {
        match &self.names[name] {
            Value::Null => addresses(&self.names["*"]),
            known => addresses(known),
        }
    }

    fn own_addresses(&self) -> Vec<IpAddr> {
        self.own.clone()
    }

    fn milliseconds(&self) -> f64 {
        let now = || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.unwrap_or_default().as_secs_f64() * 1000.0
        };
        self.milliseconds.unwrap_or_else(now)
    }
}

/// The addresses in a text (parted by semicolons) or in a list of texts.
fn addresses(value: &Value) -> Vec<IpAddr> {
    let texts: Vec<&str> = match value {
        Value::String(text) => text.split(';').collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts.into_iter().filter_map(|text| text.trim().parse().ok()).collect()
}

/// What a script may have.
const MOST: u64 = 1024 * 1024;
